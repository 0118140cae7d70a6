//! Ways in which a change of the pods fails, and changes that are not the cause.

use serde_json::{Value, json};

use crate::{
    harness::{Namespace, condition, message},
    lifecycle::{APP, SET, ready},
    rollout::{agent, app, break_pod, crash, pods, running, state},
};

/// Conditions of a pod that is not ready.
fn not_ready() -> Value {
    json!([{ "type": "Ready", "status": "False" }, { "type": "ContainersReady", "status": "False" }])
}

/// Waits until the app returned to its last good revision. Returns why.
fn returned(namespace: &Namespace) -> String {
    let app = namespace.wait_for("kasprapp", "clicks", |app| {
        condition(app, "Progressing", "False", "RolledBack") && condition(app, "Ready", "True", "Healthy")
    });
    message(&app, "Progressing").replace("The members returned to the last revision that worked: ", "")
}

#[test]
fn a_member_that_does_not_become_ready_fails_at_the_deadline() {
    let namespace = running("deadline", 2);
    let before = pods(&namespace);
    let spec = app(2, "").replace("observeSeconds: 6", "observeSeconds: 6, progressDeadlineSeconds: 8");
    namespace.apply(&spec);
    namespace.apply(&agent("counter", "v + 1"));
    let starting = json!({ "conditions": not_ready(), "containerStatuses": [{
        "name": "kaspr", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": { "running": { "startedAt": "2026-01-01T00:00:00Z" } },
    }]});
    break_pod(&namespace, "clicks-app-1", &before["clicks-app-1"], &starting);
    assert_eq!(returned(&namespace), "member 1: the member does not work; changed: KasprAgent counter");
    assert_eq!(pods(&namespace)["clicks-app-0"], before["clicks-app-0"]);
}

#[test]
fn packages_that_cannot_be_installed_return() {
    let namespace = Namespace::new("bad-packages");
    let with = |package: &str| app(1, &format!("  pythonPackages: {{packages: ['{package}']}}\n"));
    namespace.apply(&with("requests"));
    namespace.wait_for("kasprapp", "clicks", ready);
    namespace.wait_for(SET, "clicks-app", |set| state(set)["good"].is_string());
    let before = pods(&namespace);
    namespace.apply(&with("requests==0.0.1"));
    let report =
        json!({ "errorType": "package_not_found", "message": "no version 0.0.1 of requests" }).to_string();
    let failed = json!({ "conditions": not_ready(), "initContainerStatuses": [{
        "name": "install-packages", "image": "i", "imageID": "", "ready": false, "restartCount": 1,
        "state": { "waiting": { "reason": "CrashLoopBackOff" } },
        "lastState": { "terminated": { "exitCode": 1, "message": report } },
    }]});
    break_pod(&namespace, "clicks-app-0", &before["clicks-app-0"], &failed);
    let why = returned(&namespace);
    assert!(
        why.starts_with(
            "member 0: the packages cannot be installed: no version 0.0.1 of requests; changed: "
        ),
        "{why}"
    );
    assert!(why.contains("initContainers.install-packages"), "{why}");
}

/// An image that cannot be pulled, after a change of an agent: the registry does not respond.
#[test]
fn what_the_change_did_not_cause_returns_nothing() {
    let namespace = running("not-the-cause", 2);
    let before = pods(&namespace);
    namespace.apply(&agent("counter", "v + 1"));
    let unavailable = json!({ "conditions": not_ready(), "containerStatuses": [{
        "name": "kaspr", "image": "kasprio/kaspr:0.11.19", "imageID": "", "ready": false, "restartCount": 0,
        "state": { "waiting": { "reason": "ImagePullBackOff", "message": "the registry does not respond" } },
    }]});
    break_pod(&namespace, "clicks-app-1", &before["clicks-app-1"], &unavailable);
    let app =
        namespace.wait_for("kasprapp", "clicks", |app| condition(app, "Progressing", "False", "RolloutHeld"));
    assert!(
        message(&app, "Progressing")
            .ends_with("the change is held: it changed nothing that the failure depends on"),
        "{app}"
    );
    assert_eq!(pods(&namespace)["clicks-app-0"], before["clicks-app-0"]);
    // The registry responds again.
    namespace.run(&["delete", "pod", "clicks-app-1", "--force", "--grace-period=0"]);
    namespace.wait_for("kasprapp", "clicks", |app| {
        ready(app) && condition(app, "Progressing", "False", "ReconcileComplete")
    });
}

#[test]
fn members_that_did_not_work_before_are_not_returned_to() {
    let namespace = running("broken-before", 2);
    let before = pods(&namespace);
    // The other member crashes too: the brokers may be away.
    crash(&namespace, "clicks-app-0", &Value::Null);
    namespace.wait_for("kasprapp", "clicks", |app| condition(app, "Ready", "False", "NotReady"));
    namespace.apply(&agent("counter", "v + 1"));
    crash(&namespace, "clicks-app-1", &before["clicks-app-1"]);
    let app =
        namespace.wait_for("kasprapp", "clicks", |app| condition(app, "Progressing", "False", "RolloutHeld"));
    let expected = "the change is held: members of the last good revision do not work either";
    assert!(message(&app, "Progressing").ends_with(expected), "{app}");
}

#[test]
fn an_app_is_ready_once_its_members_answer() {
    let namespace = Namespace::new("silent");
    // Nothing listens on this port.
    namespace.apply(
        &APP.replace("replicas: 2", "replicas: 1")
            .replace("  storage:", "  config: {webPort: 6099}\n  storage:"),
    );
    let app = namespace.wait_for("kasprapp", "clicks", |app| {
        app["status"]["availableMembers"] == "1/1" && condition(app, "Reconciling", "True", "NoAnswer")
    });
    assert!(condition(&app, "Ready", "False", "NotReady"), "{app}");
    assert_eq!(message(&app, "Ready"), "member 0: the member does not answer on its web port");
    namespace.run(&[
        "patch",
        "kasprapp",
        "clicks",
        "--type=merge",
        "-p",
        r#"{"spec":{"config":{"webPort":6067}}}"#,
    ]);
    namespace.wait_for("kasprapp", "clicks", ready);
}

/// Of many apps that change at once, those that fail return, and the others continue.
#[test]
fn some_of_many_apps_fail() {
    const APPS: usize = 100;
    let namespace = Namespace::new("many");
    let all = |body: &str| -> String {
        let one = |index: usize| {
            let text =
                app(1, "").replace("observeSeconds: 6", "observeSeconds: 20") + &agent("counter", body);
            text.replace("clicks", &format!("clicks{index}")).replace("counter", &format!("counter{index}"))
        };
        (0..APPS).map(one).collect::<Vec<_>>().join("---\n")
    };
    namespace.apply(&all("v"));
    let name = |index: usize| format!("clicks{index}");
    for index in 0..APPS {
        namespace.wait_for(SET, &format!("{}-app", name(index)), |set| state(set)["good"].is_string());
    }
    let before = pods(&namespace);
    namespace.apply(&all("v + 1"));
    // The last ones, whose observation is not over when all are applied.
    let fails = |index: usize| index >= APPS - 10;
    for index in (0..APPS).filter(|index| fails(*index)) {
        let pod = format!("{}-app-0", name(index));
        crash(&namespace, &pod, &before[&pod]);
    }
    for index in 0..APPS {
        let reason = if fails(index) { "RolledBack" } else { "ReconcileComplete" };
        namespace.wait_for("kasprapp", &name(index), |app| {
            condition(app, "Progressing", "False", reason) && condition(app, "Ready", "True", "Healthy")
        });
    }
}
