//! Why members do not work: one sentence in the condition Ready, an event and the conditions for other tools.

use serde_json::{Value, json};

use crate::{
    harness::{Namespace, condition, eventually, message},
    lifecycle::{APP, ready},
};

/// Sets the status of a pod in place of the kubelet.
fn set_status(namespace: &Namespace, pod: &str, status: &Value) {
    let patch = json!({ "status": status }).to_string();
    namespace.run(&["patch", "pod", pod, "--subresource=status", "--type=merge", "-p", &patch]);
}

fn waiting(reason: &str, message: &str) -> Value {
    json!([{ "name": "kaspr", "image": "kasprio/kaspr:9", "imageID": "", "ready": false, "restartCount": 0,
        "state": { "waiting": { "reason": reason, "message": message } } }])
}

fn ended(restarts: i32, state: Value) -> Value {
    json!([{ "name": "kaspr", "image": "i", "imageID": "", "ready": false, "restartCount": restarts,
        "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 10s" } },
        "lastState": { "terminated": state } }])
}

/// The status of a pod that does not work.
fn broken(containers: &Value) -> Value {
    let ready = |name: &str| json!({ "type": name, "status": "False", "reason": "ContainersNotReady" });
    json!({ "conditions": [ready("Ready"), ready("ContainersReady")], "containerStatuses": containers })
}

/// The status of a member, the reason of the condition Stalled or Reconciling, and the message of Ready.
fn cases() -> Vec<(&'static str, Value, &'static str, &'static str, &'static str)> {
    let start = "Traceback (most recent call last):\n  File \"/app/main.py\", line 1, in <module>\n";
    let traceback = "Traceback (most recent call last):\n  File \"/app/main.py\", line 1, in <module>\nValueError: bad \
                     token-of-mine\n";
    vec![
        (
            "image",
            broken(&waiting("ImagePullBackOff", "Back-off pulling image \"kasprio/kaspr:9\": not found")),
            "Stalled",
            "ImagePullFailed",
            "image 'kasprio/kaspr:9' cannot be pulled: Back-off pulling image \"kasprio/kaspr:9\": not found",
        ),
        (
            "config",
            broken(&waiting("CreateContainerConfigError", "secret \"s\" not found")),
            "Stalled",
            "ContainerConfigError",
            "container kaspr cannot be created: secret \"s\" not found",
        ),
        (
            "start",
            broken(&waiting("CreateContainerError", "exec: \"kaspr\": executable file not found in $PATH")),
            "Stalled",
            "ContainerStartError",
            "container kaspr cannot be started: exec: \"kaspr\": executable file not found in $PATH",
        ),
        (
            "crash",
            broken(&ended(3, json!({ "exitCode": 1, "reason": "Error", "message": traceback }))),
            "Stalled",
            "Crashed",
            "exit code 1 (3 restarts): ValueError",
        ),
        (
            "traceback",
            broken(&ended(
                3,
                json!({ "exitCode": 1, "message": format!("{start}  File \"<string>\", line 2, in f\nNameError: name 'x' is not defined\n") }),
            )),
            "Stalled",
            "Crashed",
            "exit code 1 (3 restarts): NameError: name 'x' is not defined (operation 'a' of KasprAgent counter, line 2)",
        ),
        (
            "first-crash",
            broken(&ended(1, json!({ "exitCode": 1, "reason": "Error" }))),
            "Reconciling",
            "Crashed",
            "exit code 1 (1 restart)",
        ),
        (
            "memory",
            broken(&ended(2, json!({ "exitCode": 137, "reason": "OOMKilled" }))),
            "Stalled",
            "OutOfMemory",
            "killed, because it exceeded its memory limit of 64Mi (2 restarts)",
        ),
        (
            "schedule",
            json!({ "conditions": [
                { "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                  "message": "0/1 nodes are available: 1 Insufficient cpu." },
                { "type": "Ready", "status": "False" },
            ], "containerStatuses": [] }),
            "Reconciling",
            "Unschedulable",
            "the pod cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu.",
        ),
        (
            "node",
            json!({ "conditions": [
                { "type": "Ready", "status": "False" }, { "type": "ContainersReady", "status": "True" },
            ] }),
            "Reconciling",
            "NodeNotResponding",
            "node fake-node does not respond",
        ),
    ]
}

const AGENT: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprAgent
metadata: {name: counter, labels: {kaspr.io/app: clicks}}
spec:
  input: {topic: {name: clicks}}
  processors: {pipeline: [a], operations: [{name: a, map: {python: \"def f(v):\\n  return v\"}}]}
";

/// What only events report: a volume that cannot be mounted, and a probe that fails.
#[test]
fn causes_are_read_from_events() {
    let namespace = Namespace::new("cause-events");
    namespace.apply(&APP.replace("replicas: 2", "replicas: 1"));
    namespace.wait_for("kasprapp", "clicks", ready);
    for (reason, note, kind) in [
        (
            "FailedMount",
            "MountVolume.SetUp failed for volume \"kafka-ca\" : secret \"ca\" not found",
            "PodSetupFailed",
        ),
        ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", "ProbeFailed"),
    ] {
        let pod = namespace.get("pod", "clicks-app-0");
        set_status(&namespace, "clicks-app-0", &broken(&json!([])));
        let event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": { "generateName": "clicks-app-0-" }, "type": "Warning", "reason": reason, "note": note,
            "action": "Start", "reportingController": "kubelet", "reportingInstance": "fake-node",
            "eventTime": if reason == "Unhealthy" { "2026-01-02T00:00:00.000000Z" } else { "2026-01-01T00:00:00.000000Z" },
            "regarding": { "apiVersion": "v1", "kind": "Pod", "name": "clicks-app-0", "namespace": namespace.name,
                "uid": pod["metadata"]["uid"] },
        });
        let output = namespace.kubectl(&["create", "-f", "-"], &event.to_string());
        assert!(output.status.success(), "{output:?}");
        let expected = format!("0 of 1 members are available: member 0: {note}");
        let app = namespace.wait_for("kasprapp", "clicks", |app| message(app, "Ready") == expected);
        let r#type = if kind == "ProbeFailed" { "Reconciling" } else { "Stalled" };
        assert!(condition(&app, r#type, "True", kind), "{app}");
    }
}

#[test]
fn each_cause_has_its_sentence() {
    let namespace = Namespace::new("causes");
    let more = "  resources: {limits: {memory: 64Mi}}\n  template: {kasprContainer: {env: [{name: TOKEN, value: token-of-mine}]}}\n";
    namespace.apply(AGENT);
    namespace.apply(
        &APP.replace("replicas: 2", "replicas: 1").replace("  storage:", &format!("{more}  storage:")),
    );
    namespace.wait_for("kasprapp", "clicks", ready);
    let app_with = |holds: &dyn Fn(&Value) -> bool| namespace.wait_for("kasprapp", "clicks", holds);
    for (case, status, r#type, reason, text) in cases() {
        set_status(&namespace, "clicks-app-0", &status);
        let expected = format!("0 of 1 members are available: member 0: {text}");
        let app = app_with(&|app| message(app, "Ready") == expected);
        assert!(condition(&app, "Ready", "False", "NotReady"), "{case}: {app}");
        assert!(condition(&app, r#type, "True", reason), "{case}: {app}");
        let other = if r#type == "Stalled" { "Reconciling" } else { "Stalled" };
        assert!(condition(&app, other, "False", reason), "{case}: {app}");
        eventually("an event", || {
            let events = namespace.run(&["events", "--for", "kasprapp/clicks", "--no-headers"]);
            let found = events
                .lines()
                .any(|line| line.contains(reason) && line.contains(&format!("member 0: {text}")));
            if found { Ok(()) } else { Err(events) }
        });
        let shown = namespace.run(&["get", "kasprapp", "clicks"]);
        assert!(shown.contains(&expected), "{shown}");
        // The pod is replaced by one that works.
        namespace.run(&["delete", "pod", "clicks-app-0", "--force", "--grace-period=0"]);
        let app = app_with(&ready);
        assert!(condition(&app, "Stalled", "False", "ReconcileComplete"), "{case}: {app}");
        assert!(condition(&app, "Reconciling", "False", "ReconcileComplete"), "{case}: {app}");
    }
}
