//! A cluster that the Python operator ran, on the day of the change.

use std::{collections::BTreeMap, fs, path::Path};

use control_plane::{ControlPlane, Operator};
use serde_json::{Map, Value, json};

use crate::harness::{BINARY, eventually_quiet, kubectl_of, text};

/// The manager under which the Python operator's client library owns fields.
const LIBRARY: &str = "--field-manager=OpenAPI-Generator";

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(path))
        .expect("a recording")
}

fn kubectl(plane: &ControlPlane, args: &[&str], input: &str) -> String {
    let output = kubectl_of(plane, args, input);
    assert!(output.status.success(), "kubectl {}: {}", args.join(" "), text(&output.stderr));
    text(&output.stdout)
}

fn get(plane: &ControlPlane, kind: &str, name: &str) -> Value {
    let output = kubectl_of(plane, &["-n", "recorded", "get", kind, name, "-o", "json"], "");
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

fn pods(plane: &ControlPlane) -> BTreeMap<String, Value> {
    let list: Value =
        serde_json::from_str(&kubectl(plane, &["-n", "recorded", "get", "pods", "-o", "json"], ""))
            .expect("JSON");
    let named = |pod: &Value| (pod["metadata"]["name"].to_string(), pod["metadata"]["uid"].clone());
    list["items"].as_array().into_iter().flatten().map(named).collect()
}

/// Makes what the Python operator made of the recorded apps, and waits for the pods.
pub(crate) fn as_the_python_operator_left_it(plane: &ControlPlane) {
    kubectl(plane, &["create", "namespace", "recorded"], "");
    kubectl(plane, &["label", "node", "fake-node", "pool=stream"], "");
    for case in ["minimal", "full"] {
        kubectl(plane, &["-n", "recorded", "apply", "-f", "-"], &file(&format!("{case}/manifest.yaml")));
        let objects: Map<String, Value> =
            serde_json::from_str(&file(&format!("{case}/objects.json"))).expect("JSON");
        for (_, mut object) in objects {
            let kind = object["kind"].as_str().unwrap_or_default().to_owned();
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            if kind.starts_with("Kaspr") {
                let marks = json!({ "metadata": {
                    "finalizers": object["metadata"]["finalizers"],
                    "annotations": { "kopf.zalando.org/last-handled-configuration": "{}" },
                }});
                let patch = marks.to_string();
                kubectl(
                    plane,
                    &[
                        "-n",
                        "recorded",
                        "patch",
                        &kind,
                        &name,
                        "--type=merge",
                        "--field-manager=kopf",
                        "-p",
                        &patch,
                    ],
                    "",
                );
                continue;
            }
            // Its claims are made by the StatefulSet.
            if name.contains("-pv-") {
                continue;
            }
            for owner in object["metadata"]["ownerReferences"].as_array_mut().into_iter().flatten() {
                let (kind, name) = (owner["kind"].to_string(), owner["name"].to_string());
                owner["uid"] =
                    get(plane, kind.trim_matches('"'), name.trim_matches('"'))["metadata"]["uid"].clone();
            }
            kubectl(plane, &["-n", "recorded", "create", LIBRARY, "-f", "-"], &object.to_string());
        }
    }
    eventually_quiet("the pods", || {
        let ready = kubectl(
            plane,
            &["-n", "recorded", "get", "statefulset", "-o", "jsonpath={.items[*].status.readyReplicas}"],
            "",
        );
        if ready == "1 1" { Ok(()) } else { Err(ready) }
    });
}

fn operator(plane: &ControlPlane) -> Operator {
    let log = plane.log_dir().join("kaspr-operator.log");
    let mut operator =
        Operator::start(Path::new(BINARY), plane.kubeconfig(), &log, &["--local"]).expect("an operator");
    operator.ready().expect("a ready operator");
    operator
}

fn complete(plane: &ControlPlane, app: &str) -> Value {
    eventually_quiet(app, || {
        let object = get(plane, "kasprapp", app);
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let complete = conditions.iter().any(|c| {
            c["reason"] == "ReconcileComplete" && c["observedGeneration"] == object["metadata"]["generation"]
        });
        if complete { Ok(object) } else { Err(object["status"].to_string()) }
    })
}

/// An app that is made after a restart of the operator.
const LATER: &str = "{apiVersion: kaspr.io/v1alpha1, kind: KasprApp, metadata: {name: later}, \
    spec: {bootstrapServers: 'kafka:9092', authentication: {type: plain, username: u, passwordSecret: {secretName: k, passwordKey: p}}, storage: {type: ephemeral}}}";

#[test]
fn nothing_restarts_when_the_operator_is_replaced() {
    let plane = ControlPlane::start().expect("a control plane");
    kubectl(&plane, &["apply", "--server-side", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/crds")], "");
    kubectl(&plane, &["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"], "");
    as_the_python_operator_left_it(&plane);
    let templates = [template(&plane, "clicks-app"), template(&plane, "orders-app")];

    let running = pods(&plane);
    let first = operator(&plane);
    takeover_changes_no_pod(&plane, &running, &templates);
    the_next_change_rolls_once(&plane, &templates);
    the_annotation_rolls(&plane, &templates[0]);
    // The next start of the operator finds everything as desired, and applies nothing.
    for app in ["clicks", "orders"] {
        complete(&plane, app);
    }
    first.stop().expect("the end of the first operator");
    let second = operator(&plane);
    a_restart_applies_nothing(&plane, &second);
    everything_can_be_deleted(&plane);
}

fn template(plane: &ControlPlane, name: &str) -> Value {
    get(plane, "statefulset", name)["spec"]["template"].clone()
}

fn takeover_changes_no_pod(plane: &ControlPlane, running: &BTreeMap<String, Value>, templates: &[Value; 2]) {
    for app in ["clicks", "orders"] {
        let object = complete(plane, app);
        assert!(
            object["status"]
                .to_string()
                .contains("a newer pod template will be applied with the next change"),
            "{object}"
        );
        assert!(!object["metadata"].to_string().contains("kopf"), "{}", object["metadata"]);
    }
    assert_eq!(pods(plane), *running, "no pod was restarted");
    assert_eq!([template(plane, "clicks-app"), template(plane, "orders-app")], *templates);
    for (kind, name) in
        [("statefulset", "clicks-app"), ("service", "orders-app"), ("configmap", "counter-agent")]
    {
        let output =
            kubectl(plane, &["-n", "recorded", "get", kind, name, "-o", "json", "--show-managed-fields"], "");
        assert!(!output.contains("OpenAPI-Generator"), "{output}");
    }
}

/// The user's next change rolls, and what the other operator alone had set is gone.
fn the_next_change_rolls_once(plane: &ControlPlane, templates: &[Value; 2]) {
    let patch = r#"{"spec":{"version":"0.11.19"}}"#;
    kubectl(plane, &["-n", "recorded", "patch", "kasprapp", "orders", "--type=merge", "-p", patch], "");
    let rolled = eventually_quiet("the roll", || {
        let set = get(plane, "statefulset", "orders-app");
        let image = set.pointer("/spec/template/spec/containers/0/image").cloned();
        if image == Some(json!("kasprio/kaspr:0.11.19")) { Ok(set) } else { Err(format!("{image:?}")) }
    });
    let init = &rolled["spec"]["template"]["spec"]["initContainers"];
    assert!(init[1]["args"].is_null(), "{init}");
    assert_eq!(init[1]["command"][1], "install-packages", "{init}");
    assert_eq!(template(plane, "clicks-app"), templates[0]);
}

fn the_annotation_rolls(plane: &ControlPlane, running: &Value) {
    kubectl(plane, &["-n", "recorded", "annotate", "kasprapp", "clicks", "kaspr.io/roll=true"], "");
    eventually_quiet("the roll", || {
        if template(plane, "clicks-app") == *running { Err("old".to_owned()) } else { Ok(()) }
    });
    eventually_quiet("the annotation", || {
        let annotations = get(plane, "kasprapp", "clicks")["metadata"]["annotations"].to_string();
        if annotations.contains("kaspr.io/roll") { Err(annotations) } else { Ok(()) }
    });
}

fn a_restart_applies_nothing(plane: &ControlPlane, second: &Operator) {
    kubectl(plane, &["-n", "recorded", "create", "-f", "-"], LATER);
    complete(plane, "later");
    let applied = second.lines().into_iter().filter(|line| line["message"] == "applied");
    let again: Vec<Value> = applied.filter(|line| line["owner"] != "later").collect();
    assert!(again.is_empty(), "{again:?}");
}

fn everything_can_be_deleted(plane: &ControlPlane) {
    let kinds = "kasprapp,kaspragent,kasprtable,kasprtask,kasprwebview,kasprjoin";
    kubectl(plane, &["-n", "recorded", "delete", kinds, "--all", "--timeout=60s"], "");
    eventually_quiet("the end", || {
        let left = kubectl(plane, &["-n", "recorded", "get", "statefulset,service,hpa", "-o", "name"], "");
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
}
