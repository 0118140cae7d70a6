//! Changes of the pods: one member first, and back to the last revision that worked if it does not work.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    harness::{Namespace, condition, eventually, message},
    lifecycle::{SET, ready},
    plugin::within,
};

/// An app whose changes are observed for some seconds only: long enough for a test to break a pod that starts.
pub(crate) fn app(members: u32, more: &str) -> String {
    format!(
        "
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {{name: clicks}}
spec:
  replicas: {members}
  bootstrapServers: kafka:9092
  rollout: {{observeSeconds: 6}}
{more}"
    )
}

pub(crate) fn agent(name: &str, body: &str) -> String {
    format!(
        "
---
apiVersion: kaspr.io/v1alpha1
kind: KasprAgent
metadata: {{name: {name}, labels: {{kaspr.io/app: clicks}}}}
spec:
  input: {{topic: {{name: clicks}}}}
  processors: {{pipeline: [a], operations: [{{name: a, map: {{python: 'def f(v): return {body}'}}}}]}}
"
    )
}

/// An app that works with all of its members.
pub(crate) fn running(prefix: &str, members: u32) -> Namespace {
    let namespace = Namespace::new(prefix);
    namespace.apply(&(app(members, "") + &agent("counter", "v")));
    namespace.wait_for(SET, "clicks-app", |set| !set.is_null());
    namespace.run(&["scale", SET, "clicks-app", &format!("--replicas={members}")]);
    namespace.wait_for("kasprapp", "clicks", ready);
    namespace.wait_for(SET, "clicks-app", |set| state(set)["good"].is_string());
    namespace
}

/// The end of the log of a member whose agent names something that does not exist.
const TRACEBACK: &str = "Traceback (most recent call last):\n  File \"/app/kaspr.py\", line 3, in main\n    run()\n  \
     File \"<string>\", line 1, in f\nNameError: name 'x' is not defined\n";

/// The state of the rollout in the annotation of a StatefulSet.
pub(crate) fn state(set: &Value) -> Value {
    let text = set["metadata"]["annotations"]["kaspr.io/rollout-state"].as_str().unwrap_or_default();
    serde_json::from_str(text).unwrap_or_default()
}

/// The UIDs of the pods by name.
pub(crate) fn pods(namespace: &Namespace) -> BTreeMap<String, Value> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pods = namespace.list("pod").into_iter();
    pods.map(|pod| (text(&pod["metadata"]["name"]), pod["metadata"]["uid"].clone())).collect()
}

/// The ConfigMap with the definition of the agent that a template or a pod mounts.
fn definition(spec: &Value) -> String {
    let volumes = spec["volumes"].as_array().into_iter().flatten();
    let mut agents = volumes.filter(|volume| volume["name"] == "counter-agent");
    agents.next().and_then(|volume| volume["configMap"]["name"].as_str()).unwrap_or_default().to_owned()
}

/// Waits for the pod that the change makes, and breaks it in place of the kubelet.
pub(crate) fn crash(namespace: &Namespace, pod: &str, before: &Value) {
    let status = json!({
        "conditions": [{ "type": "Ready", "status": "False" }, { "type": "ContainersReady", "status": "False" }],
        "containerStatuses": [{
            "name": "kaspr", "image": "i", "imageID": "", "ready": false, "restartCount": 2,
            "state": { "waiting": { "reason": "CrashLoopBackOff" } },
            "lastState": { "terminated": { "exitCode": 1, "message": TRACEBACK } },
        }],
    });
    break_pod(namespace, pod, before, &status);
}

/// Waits for the pod that the change makes, and sets its status in place of the kubelet.
pub(crate) fn break_pod(namespace: &Namespace, pod: &str, before: &Value, status: &Value) {
    namespace.wait_for("pod", pod, |pod| {
        pod["metadata"]["uid"].is_string()
            && pod["metadata"]["uid"] != *before
            && pod["status"]["phase"] == "Running"
    });
    let patch = json!({ "status": status }).to_string();
    namespace.run(&["patch", "pod", pod, "--subresource=status", "--type=merge", "-p", &patch]);
}

#[test]
fn a_change_goes_to_one_member_first() {
    let namespace = running("one-first", 3);
    let before = pods(&namespace);
    let old = definition(&namespace.get(SET, "clicks-app")["spec"]["template"]["spec"]);
    namespace.apply(&agent("counter", "v + 1"));
    let set = namespace
        .wait_for(SET, "clicks-app", |set| set["spec"]["updateStrategy"]["rollingUpdate"]["partition"] == 2);
    let new = definition(&set["spec"]["template"]["spec"]);
    assert!(new.starts_with("counter-agent-") && new != old, "{new}");
    let map = namespace.get("configmap", &new);
    assert_eq!(map["immutable"], true);
    namespace.wait_for(SET, "clicks-app", |set| {
        set["spec"]["updateStrategy"]["rollingUpdate"].is_null() && state(set)["since"].is_null()
    });
    let after = pods(&namespace);
    assert!(before.iter().all(|(name, uid)| after[name] != *uid), "{after:?}");
    let app = namespace.wait_for("kasprapp", "clicks", ready);
    assert!(condition(&app, "Progressing", "False", "ReconcileComplete"));
    // The earlier definition stays with its revision.
    assert!(!namespace.get("configmap", &old).is_null());
}

#[test]
fn a_change_that_crashes_returns_and_is_withheld_until_it_changes() {
    let namespace = running("returns", 3);
    let before = pods(&namespace);
    let old = namespace.get(SET, "clicks-app")["spec"]["template"].clone();
    namespace.apply(&agent("counter", "v + 2"));
    crash(&namespace, "clicks-app-2", &before["clicks-app-2"]);
    let app = namespace.wait_for("kasprapp", "clicks", |app| {
        condition(app, "Progressing", "False", "RolledBack") && condition(app, "Ready", "True", "Healthy")
    });
    let listed = within(&namespace, &["history", "clicks"], "").ok();
    assert!(
        listed.contains("failed: member 2: exit code 1") && listed.contains("KasprAgent counter"),
        "{listed}"
    );
    let reported = message(&app, "Progressing");
    assert_eq!(
        reported,
        "The members returned to the last revision that worked: member 2: exit code 1 (2 restarts): NameError: name 'x' \
         is not defined (operation 'a' of KasprAgent counter, line 1); changed: KasprAgent counter"
    );
    assert!(condition(&app, "Stalled", "True", "RolledBack"), "{app}");
    let set = namespace.get(SET, "clicks-app");
    assert_eq!(set["spec"]["template"], old, "the template is that of the last good revision");
    let after = pods(&namespace);
    for untouched in ["clicks-app-0", "clicks-app-1"] {
        assert_eq!(after[untouched], before[untouched], "only the changed member was replaced");
    }
    let counter =
        namespace.wait_for("kaspragent", "counter", |agent| condition(agent, "Ready", "False", "RolledBack"));
    assert!(message(&counter, "Ready").contains("NameError"), "{counter}");

    // Another component continues, and the one that failed stays withheld.
    namespace.apply(&agent("other", "v"));
    namespace.wait_for(SET, "clicks-app", |set| {
        set["spec"]["template"].to_string().contains("other-agent-") && state(set)["since"].is_null()
    });
    let set = namespace.get(SET, "clicks-app");
    assert_eq!(definition(&set["spec"]["template"]["spec"]), definition(&old["spec"]));
    namespace.wait_for("kaspragent", "counter", |agent| condition(agent, "Ready", "False", "RolledBack"));

    // A fix is tried at once.
    namespace.apply(&agent("counter", "v + 3"));
    namespace.wait_for("kaspragent", "counter", |agent| condition(agent, "Ready", "True", "Defined"));
    let app = namespace.wait_for("kasprapp", "clicks", |app| {
        ready(app) && condition(app, "Progressing", "False", "ReconcileComplete")
    });
    assert!(condition(&app, "ComponentsReady", "True", "AllDefined"));
    let set = namespace.get(SET, "clicks-app");
    assert_ne!(definition(&set["spec"]["template"]["spec"]), definition(&old["spec"]));
}

#[test]
fn a_single_member_returns_too() {
    let namespace = running("single", 1);
    let before = pods(&namespace);
    let old = namespace.get(SET, "clicks-app")["spec"]["template"].clone();
    namespace.apply(&app(1, "  image: example.com/broken:1\n"));
    crash(&namespace, "clicks-app-0", &before["clicks-app-0"]);
    let app_status = namespace.wait_for("kasprapp", "clicks", |app| {
        condition(app, "Progressing", "False", "RolledBack") && condition(app, "Ready", "True", "Healthy")
    });
    assert!(message(&app_status, "Progressing").ends_with("changed: containers.kaspr.image"), "{app_status}");
    assert_eq!(namespace.get(SET, "clicks-app")["spec"]["template"], old);
    assert_eq!(app_status["spec"]["image"], "example.com/broken:1", "the spec is not touched");
    // It is tried again on request only.
    namespace.run(&["annotate", "kasprapp", "clicks", "kaspr.io/roll=true"]);
    namespace.wait_for(SET, "clicks-app", |set| set["spec"]["template"].to_string().contains("broken:1"));
    namespace.wait_for("kasprapp", "clicks", |app| {
        ready(app) && condition(app, "Progressing", "False", "ReconcileComplete")
    });
}

#[test]
fn a_change_can_be_held_and_undone() {
    let namespace = running("held", 2);
    let before = pods(&namespace);
    let set = namespace.get(SET, "clicks-app");
    let good = state(&set)["good"].as_str().expect("a revision").to_owned();
    let held = app(2, "  config: {schedulerDebugStatsEnabled: true}\n")
        .replace("observeSeconds: 6", "observeSeconds: 6, onFailure: hold");
    namespace.apply(&held);
    crash(&namespace, "clicks-app-1", &before["clicks-app-1"]);
    let app_status =
        namespace.wait_for("kasprapp", "clicks", |app| condition(app, "Progressing", "False", "RolloutHeld"));
    assert!(
        message(&app_status, "Progressing").ends_with("the change is held: onFailure is hold"),
        "{app_status}"
    );
    assert_eq!(pods(&namespace)["clicks-app-0"], before["clicks-app-0"], "the change stays at one member");
    let listed = within(&namespace, &["history", "clicks"], "").ok();
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[1].contains("current") && lines[1].contains("CONFIG_HASH"), "{listed}");
    assert!(lines[2].contains(&good) && lines[2].contains("good"), "{listed}");
    let number = lines[2].split_whitespace().next().expect("a number");
    let diff = within(&namespace, &["diff", "clicks", "--revision", number], "");
    assert!(format!("{diff:?}").contains("CONFIG_HASH"), "{diff:?}");
    let missing = within(&namespace, &["undo", "clicks", "--to", "77"], "");
    assert!(format!("{missing:?}").contains(&format!(", {number}")), "{missing:?}");
    let undone = within(&namespace, &["undo", "clicks"], "").ok();
    assert!(undone.contains(&format!("the pods return to revision {number} ({good})")), "{undone}");
    let app_status = namespace.wait_for("kasprapp", "clicks", |app| {
        condition(app, "Progressing", "False", "RolledBack") && condition(app, "Ready", "True", "Healthy")
    });
    assert_eq!(
        message(&app_status, "Progressing"),
        format!("The members returned to an earlier revision: return to revision {good} requested")
    );
    assert!(app_status["metadata"]["annotations"]["kaspr.io/undo"].is_null(), "{app_status}");
    assert_eq!(namespace.get(SET, "clicks-app")["spec"]["template"], set["spec"]["template"]);
}

#[test]
fn snapshots_that_nothing_needs_are_deleted() {
    let namespace = Namespace::new("snapshots");
    let app = app(1, "").replace("observeSeconds: 6", "observeSeconds: 0, history: 1");
    namespace.apply(&(app + &agent("counter", "v")));
    namespace.wait_for("kasprapp", "clicks", ready);
    let snapshots = || {
        let maps =
            namespace.run(&["get", "configmap", "-l", "kaspr.io/snapshot-of=counter-agent", "-o", "name"]);
        maps.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let first = snapshots();
    assert_eq!(first.len(), 1, "{first:?}");
    for body in ["v + 1", "v + 2", "v + 3", "v + 4"] {
        let earlier = definition(&namespace.get(SET, "clicks-app")["spec"]["template"]["spec"]);
        namespace.apply(&agent("counter", body));
        namespace.wait_for(SET, "clicks-app", |set| {
            definition(&set["spec"]["template"]["spec"]) != earlier && state(set)["since"].is_null()
        });
        namespace.wait_for("kasprapp", "clicks", ready);
    }
    eventually("the first snapshot is deleted", || {
        let left = snapshots();
        if left.contains(&first[0]) || left.len() > 3 { Err(format!("{left:?}")) } else { Ok(()) }
    });
}
