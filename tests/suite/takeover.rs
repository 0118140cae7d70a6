//! A cluster that the Python operator ran, on the day of the change.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

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

/// The recordings of the Python operator without a registry: names that differ from those in the spec,
/// written-out defaults, an old version, settings that the API does not list, no login.
const CASES: [&str; 5] = ["minimal", "full", "gcs", "names", "plainest"];

/// Returns the recorded objects of cases, with their kinds and names.
fn recorded(cases: &[&str]) -> Vec<(String, String, Value)> {
    let objects = cases.iter().flat_map(|case| {
        let objects: Map<String, Value> =
            serde_json::from_str(&file(&format!("{case}/objects.json"))).expect("JSON");
        objects.into_values()
    });
    let named = objects.map(|object| {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        (text("/kind"), text("/metadata/name"), object)
    });
    // The claims of members are made by the StatefulSet.
    named.filter(|(_, name, _)| !name.contains("-pv-")).collect()
}

/// Makes what the Python operator made of the recorded apps, and waits for the pods.
pub(crate) fn as_the_python_operator_left_it(plane: &ControlPlane) {
    kubectl(plane, &["create", "namespace", "recorded"], "");
    kubectl(plane, &["label", "node", "fake-node", "pool=stream"], "");
    for case in CASES {
        kubectl(plane, &["-n", "recorded", "apply", "-f", "-"], &file(&format!("{case}/manifest.yaml")));
    }
    as_the_python_operator(plane, &CASES);
}

/// Makes the recorded objects of cases whose resources exist, and waits for the pods.
fn as_the_python_operator(plane: &ControlPlane, cases: &[&str]) {
    for (kind, name, mut object) in recorded(cases) {
        if kind.starts_with("Kaspr") {
            mark_as_the_python_operator(plane, &kind, &name, &object);
            continue;
        }
        for owner in object["metadata"]["ownerReferences"].as_array_mut().into_iter().flatten() {
            let (kind, name) = (owner["kind"].to_string(), owner["name"].to_string());
            owner["uid"] =
                get(plane, kind.trim_matches('"'), name.trim_matches('"'))["metadata"]["uid"].clone();
        }
        // The volume is that of the recorded cluster.
        if let Some(Value::Object(spec)) = object.get_mut("spec") {
            spec.remove("volumeName");
        }
        kubectl(plane, &["-n", "recorded", "create", LIBRARY, "-f", "-"], &object.to_string());
    }
    pods_are_ready(plane);
}

/// Writes the finalizer, the annotation and the status of the Python operator.
fn mark_as_the_python_operator(plane: &ControlPlane, kind: &str, name: &str, recorded: &Value) {
    let marks = json!({ "metadata": {
        "finalizers": recorded["metadata"]["finalizers"],
        "annotations": { "kopf.zalando.org/last-handled-configuration": "{}" },
    }});
    let patch = |patch: Value, more: &[&str]| {
        let text = patch.to_string();
        let args =
            ["-n", "recorded", "patch", kind, name, "--type=merge", "--field-manager=kopf", "-p", &text];
        kubectl(plane, &[&args[..], more].concat(), "");
    };
    patch(marks, &[]);
    let mut status = recorded["status"].clone();
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        // The recordings have no times.
        condition["lastTransitionTime"] = json!("2026-11-20T22:47:03.825392+00:00");
    }
    patch(json!({ "status": status }), &["--subresource=status"]);
}

/// Does what the Python operator does when it starts again: it applies its own objects.
fn as_the_python_operator_returns(plane: &ControlPlane) {
    for (kind, name, object) in recorded(&CASES) {
        if kind.starts_with("Kaspr") {
            mark_as_the_python_operator(plane, &kind, &name, &object);
        } else if kind == "StatefulSet" {
            let patch = json!({
                "metadata": { "annotations": object["metadata"]["annotations"] },
                "spec": { "template": object["spec"]["template"] },
            });
            let args = ["-n", "recorded", "patch", &kind, &name, "--type=merge", LIBRARY, "-p"];
            kubectl(plane, &[&args[..], &[&patch.to_string()]].concat(), "");
        }
    }
    pods_are_ready(plane);
}

/// Waits until every StatefulSet has its pods, with its current template.
fn pods_are_ready(plane: &ControlPlane) {
    eventually_quiet("the pods", || {
        let sets = kubectl(plane, &["-n", "recorded", "get", "statefulset", "-o", "json"], "");
        let sets: Value = serde_json::from_str(&sets).expect("JSON");
        let waiting = sets["items"].as_array().into_iter().flatten().find(|set| {
            let status = &set["status"];
            status["observedGeneration"] != set["metadata"]["generation"]
                || status["readyReplicas"] != set["spec"]["replicas"]
                || status["updateRevision"] != status["currentRevision"]
        });
        waiting.map_or(Ok(()), |set| Err(set["status"].to_string()))
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

fn plane_with_crds() -> ControlPlane {
    let plane = ControlPlane::start().expect("a control plane");
    kubectl(&plane, &["apply", "--server-side", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/crds")], "");
    kubectl(&plane, &["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"], "");
    plane
}

#[test]
fn nothing_restarts_when_the_operator_is_replaced() {
    let plane = plane_with_crds();
    as_the_python_operator_left_it(&plane);
    let templates = [template(&plane, "clicks-app"), template(&plane, "orders-app")];

    let first = takeover_changes_nothing_that_runs(&plane);
    diff_names_what_the_file_changes(&plane);
    the_next_change_rolls_once(&plane, &templates);
    the_annotation_rolls(&plane, &templates[0]);
    packages_keep_their_hash(&plane);
    // The next start of the operator finds everything as desired, and applies nothing.
    for app in apps() {
        complete(&plane, &app);
    }
    first.stop().expect("the end of the first operator");
    let second = operator(&plane);
    a_restart_applies_nothing(&plane, &second);
    second.stop().expect("the end of the second operator");

    kubectl(&plane, &["-n", "recorded", "delete", "kasprapp", "later"], "");
    // The recorded template is that of the recorded version.
    let version = r#"{"spec":{"version":"0.11.18"}}"#;
    kubectl(&plane, &["-n", "recorded", "patch", "kasprapp", "orders", "--type=merge", "-p", version], "");
    as_the_python_operator_returns(&plane);
    let third = takeover_changes_nothing_that_runs(&plane);
    everything_can_be_deleted(&plane);
    drop(third);
}

fn template(plane: &ControlPlane, name: &str) -> Value {
    get(plane, "statefulset", name)["spec"]["template"].clone()
}

/// The names of the recorded apps.
fn apps() -> Vec<String> {
    recorded(&CASES).into_iter().filter(|(kind, ..)| kind == "KasprApp").map(|(_, name, _)| name).collect()
}

/// What must be the same before and after a takeover: the UIDs of all objects, and the templates.
fn what_runs(plane: &ControlPlane) -> BTreeMap<String, Value> {
    let kinds = "pod,statefulset,service,serviceaccount,configmap,hpa,pvc";
    let list = kubectl(plane, &["-n", "recorded", "get", kinds, "-o", "json"], "");
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let named = |object: &Value| {
        let name = format!("{}/{}", object["kind"], object["metadata"]["name"]);
        let template =
            if object["kind"] == "StatefulSet" { object["spec"]["template"].clone() } else { Value::Null };
        (name, json!([object["metadata"]["uid"], template]))
    };
    list["items"].as_array().into_iter().flatten().map(named).collect()
}

/// Starts the operator, and waits until it has reconciled every app.
fn takeover_changes_nothing_that_runs(plane: &ControlPlane) -> Operator {
    let before = what_runs(plane);
    let operator = operator(plane);
    for app in apps() {
        let object = complete(plane, &app);
        let status = object["status"].to_string();
        assert!(status.contains("a newer pod template will be applied with the next change"), "{object}");
        assert!(!status.contains("Invalid"), "{object}");
        assert!(!status.contains("Unable to read installation details"), "{object}");
        assert!(!object["metadata"].to_string().contains("kopf"), "{}", object["metadata"]);
    }
    let after = what_runs(plane);
    for (object, state) in &before {
        assert_eq!(after.get(object), Some(state), "{object} is unchanged");
    }
    for (kind, name) in
        [("statefulset", "clicks-app"), ("service", "orders-app"), ("configmap", "counter-agent")]
    {
        let output =
            kubectl(plane, &["-n", "recorded", "get", kind, name, "-o", "json", "--show-managed-fields"], "");
        assert!(!output.contains("OpenAPI-Generator"), "{output}");
    }
    operator
}

/// The hash of packages stays the one that runs, whether defaults are written out or not.
fn packages_keep_their_hash(plane: &ControlPlane) {
    let hash = |template: &Value| {
        let variables = template.pointer("/spec/containers/0/env").and_then(Value::as_array);
        let hash = variables.into_iter().flatten().find(|variable| variable["name"] == "PACKAGES_HASH");
        hash.map(|variable| variable["value"].clone())
    };
    let published = template(plane, "open-app");
    kubectl(plane, &["-n", "recorded", "annotate", "kasprapp", "open", "kaspr.io/roll=true"], "");
    let rolled = eventually_quiet("the roll", || {
        let now = template(plane, "open-app");
        if now == published { Err("old".to_owned()) } else { Ok(now) }
    });
    assert_eq!(hash(&rolled), hash(&published));
    for policy in [r#"{"retries":null,"onFailure":null}"#, r#"{"retries":3}"#] {
        let patch = format!(r#"{{"spec":{{"pythonPackages":{{"installPolicy":{policy}}}}}}}"#);
        kubectl(plane, &["-n", "recorded", "patch", "kasprapp", "open", "--type=merge", "-p", &patch], "");
        complete(plane, "open");
        assert_eq!(template(plane, "open-app"), rolled, "{policy}");
    }
}

/// The hashes of the Python operator differ from those of this operator, also where nothing changed.
fn diff_names_what_the_file_changes(plane: &ControlPlane) {
    let mut agent = get(plane, "kaspragent", "enrich");
    agent["spec"]["description"] = json!("counts");
    let mut child = Command::new(BINARY)
        .args(["diff", "-", "-n", "recorded", "-o", "json"])
        .env("KUBECONFIG", plane.kubeconfig())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary");
    child.stdin.take().expect("an input").write_all(agent.to_string().as_bytes()).expect("written");
    let output = child.wait_with_output().expect("an end");
    let diff: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let because = diff["apps"][0]["because"].to_string();
    assert!(because.contains("agents changed"), "{diff}");
    for other in ["webviews", "tables", "tasks", "joins", "settings", "packages"] {
        assert!(!because.contains(&format!("{other} changed")), "{because}");
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

/// The Python operator makes claims for ephemeral storage too. They stay until the owner requests a roll.
#[test]
fn claims_of_ephemeral_storage_stay_until_a_roll() {
    let plane = plane_with_crds();
    kubectl(&plane, &["create", "namespace", "recorded"], "");
    let manifest = file("plainest/manifest.yaml").replace("type: persistent-claim", "type: ephemeral");
    // The Python operator ignores probes, and this operator has a rule about them.
    let manifest = format!("{manifest}  livenessProbe: {{successThreshold: 2}}\n");
    kubectl(&plane, &["-n", "recorded", "apply", "-f", "-"], &manifest);
    as_the_python_operator(&plane, &["plainest"]);
    let before = what_runs(&plane);
    let operator = operator(&plane);
    complete(&plane, "open");
    assert_eq!(
        what_runs(&plane).get("\"StatefulSet\"/\"open-app\""),
        before.get("\"StatefulSet\"/\"open-app\"")
    );

    let patch = r#"{"spec":{"replicas":3}}"#;
    kubectl(&plane, &["-n", "recorded", "patch", "kasprapp", "open", "--type=merge", "-p", patch], "");
    eventually_quiet("the scaling", || {
        let most = get(&plane, "hpa", "open-app-hpa")["spec"]["maxReplicas"].clone();
        if most == 3 { Ok(()) } else { Err(most.to_string()) }
    });
    eventually_quiet("the errors in the status", || {
        let status = get(&plane, "kasprapp", "open")["status"].to_string();
        let is_reported =
            status.contains("fix these errors") && status.contains("must be 1 for a liveness probe");
        if is_reported { Ok(()) } else { Err(status) }
    });
    // Packages change too: the probe that the API server would refuse stays ignored.
    let patch = r#"{"spec":{"pythonPackages":{"packages":["requests==2.32.0"]}}}"#;
    kubectl(&plane, &["-n", "recorded", "patch", "kasprapp", "open", "--type=merge", "-p", patch], "");
    eventually_quiet("the packages", || {
        let containers = template(&plane, "open-app")["spec"].clone();
        let has_packages = containers["initContainers"].to_string().contains("requests==2.32.0");
        let has_probe = !containers["containers"][0]["livenessProbe"].is_null();
        if has_packages && !has_probe { Ok(()) } else { Err(containers.to_string()) }
    });
    let patch = r#"{"spec":{"replicas":1,"livenessProbe":null}}"#;
    kubectl(&plane, &["-n", "recorded", "patch", "kasprapp", "open", "--type=merge", "-p", patch], "");

    let claims = || get(&plane, "statefulset", "open-app")["spec"]["volumeClaimTemplates"].clone();
    let mounted = |template: &Value| {
        let mounts =
            template["spec"]["containers"][0]["volumeMounts"].as_array().cloned().unwrap_or_default();
        mounts.into_iter().find(|mount| mount["name"] == "open-app-pv")
    };
    let (published, tables) = (claims(), mounted(&template(&plane, "open-app")));
    assert_eq!(published.as_array().map(Vec::len), Some(1));
    // A change rolls the members around their claims.
    let patch = r#"{"spec":{"version":"0.11.19"}}"#;
    kubectl(&plane, &["-n", "recorded", "patch", "kasprapp", "open", "--type=merge", "-p", patch], "");
    let app = complete(&plane, "open");
    assert!(app["status"].to_string().contains("tables stay in the claims of the Python operator"), "{app}");
    assert_eq!(claims(), published);
    assert_eq!(mounted(&template(&plane, "open-app")), tables);
    assert!(!template(&plane, "open-app")["spec"]["volumes"].to_string().contains("open-app-pv"));

    kubectl(&plane, &["-n", "recorded", "annotate", "kasprapp", "open", "kaspr.io/roll=true"], "");
    eventually_quiet("the roll", || {
        let set = get(&plane, "statefulset", "open-app");
        let moved = set["spec"]["volumeClaimTemplates"].is_null()
            && set["spec"]["template"]["spec"]["volumes"].to_string().contains("open-app-pv");
        if moved { Ok(()) } else { Err(set["spec"].to_string()) }
    });
    eventually_quiet("the status", || {
        let status = get(&plane, "kasprapp", "open")["status"].to_string();
        if status.contains("tables stay in the claims") { Err(status) } else { Ok(()) }
    });
    assert!(get(&plane, "pvc", "open-app-pv-open-app-0").is_object(), "no claim is deleted");
    drop(operator);
}

fn everything_can_be_deleted(plane: &ControlPlane) {
    let kinds = "kasprapp,kaspragent,kasprtable,kasprtask,kasprwebview,kasprjoin";
    kubectl(plane, &["-n", "recorded", "delete", kinds, "--all", "--timeout=60s"], "");
    eventually_quiet("the end", || {
        let left = kubectl(plane, &["-n", "recorded", "get", "statefulset,service,hpa", "-o", "name"], "");
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
}
