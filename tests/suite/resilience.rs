//! Tests that disturb the server, each on a control plane of its own.

use std::{fs, path::Path};

use control_plane::{ControlPlane, Operator};
use serde_json::Value;

use crate::harness::{BINARY, kubectl_of, text};

const APP: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: clicks}
spec:
  bootstrapServers: kafka:9092
  authentication: {type: scram-sha-512, username: u, passwordSecret: {secretName: s, passwordKey: p}}
  storage: {type: ephemeral}
";

fn plane() -> ControlPlane {
    ControlPlane::builder().without_scheduler().without_kwok().start().expect("a control plane")
}

fn operator(plane: &ControlPlane, name: &str, args: &[&str]) -> Operator {
    let log = plane.log_dir().join(format!("{name}.log"));
    Operator::start(Path::new(BINARY), plane.kubeconfig(), &log, args).expect("an operator")
}

fn apply(plane: &ControlPlane, manifest: &str) {
    let output = kubectl_of(plane, &["apply", "-f", "-"], manifest);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// Waits for an object with that name, as kubectl does.
fn await_object(plane: &ControlPlane, object: &str) {
    let output = kubectl_of(plane, &["wait", "--for=create", object, "--timeout=60s"], "");
    assert!(output.status.success(), "{}", text(&output.stderr));
}

fn warned(line: &Value, words: &str) -> bool {
    line["level"] == "WARN" && line["error"].as_str().is_some_and(|error| error.contains(words))
}

#[test]
fn an_api_server_that_is_away_comes_back() {
    let plane = plane();
    plane.stop_api_server();
    let mut operator = operator(&plane, "operator", &["--local"]);
    let line = operator.wait_for(|line| warned(line, "Connection refused")).expect("a warning");
    assert_eq!(line["message"], "the API server refused the request or cannot be reached; retrying");
    plane.start_api_server().expect("an API server");
    operator.ready().expect("a ready operator");
    apply(&plane, APP);
    await_object(&plane, "statefulset/clicks-app");

    plane.stop_api_server();
    let line = operator.wait_for(|line| line["message"] == "watch failed; retrying").expect("a warning");
    assert!(line["kind"].is_string());
    plane.start_api_server().expect("an API server");
    operator.wait_for(|line| line["message"] == "watch recovered").expect("recovery");
    apply(&plane, &APP.replace("clicks", "views"));
    await_object(&plane, "statefulset/views-app");
}

#[test]
fn the_registration_is_taken_back_at_exit() {
    let plane = plane();
    let mut operator = operator(&plane, "operator", &["--local"]);
    operator.ready().expect("a ready operator");
    let registered = || {
        let list = ["get", "mutatingwebhookconfiguration,validatingwebhookconfiguration", "-o", "name"];
        text(&kubectl_of(&plane, &list, "").stdout)
    };
    assert_eq!(registered().lines().count(), 2);
    assert!(operator.stop().expect("an end").success());
    assert_eq!(registered(), "");
    // Without an operator the CRDs still keep what there was, and a new one finds it.
    apply(&plane, APP);
    let mut second = self::operator(&plane, "second", &["--local"]);
    second.ready().expect("a ready operator");
    await_object(&plane, "statefulset/clicks-app");
    let lines = second.lines();
    let applied = |line: &&Value| line["message"] == "applied the CRD";
    assert_eq!(lines.iter().filter(applied).count(), 0, "the CRDs are neither missing nor older");
    assert!(second.stop().expect("an end").success());

    // Another client applied another schema, and left the annotations.
    open_schema(&plane, "kasprtables.kaspr.io");
    let mut third = self::operator(&plane, "third", &["--local"]);
    third.ready().expect("a ready operator");
    let lines = third.lines();
    let applied: Vec<&Value> = lines.iter().filter(applied).map(|line| &line["crd"]).collect();
    assert_eq!(applied, ["kasprtables.kaspr.io"]);
}

#[test]
fn a_missing_permission_is_named() {
    let plane = plane();
    let mut first = operator(&plane, "first", &["--local"]);
    first.ready().expect("a ready operator");
    let log = plane.log_dir().join("weak.log");
    let kubeconfig = plane.kubeconfig_for("weak", &["weak"]).expect("a kubeconfig");
    let certs = tempfile::tempdir().expect("a folder");
    let made = std::process::Command::new(BINARY)
        .args(["certs", "--out"])
        .arg(certs.path())
        .output()
        .expect("certs");
    assert!(made.status.success());
    let (cert, key) = (certs.path().join("tls.crt"), certs.path().join("tls.key"));
    let args = [
        "--webhook-address=127.0.0.1:0",
        "--tls-cert-file",
        cert.to_str().expect("a path"),
        "--tls-key-file",
        key.to_str().expect("a path"),
    ];
    let mut weak = Operator::start(Path::new(BINARY), &kubeconfig, &log, &args).expect("an operator");
    for (kind, resource) in [("KasprApp", "kasprapps"), ("owned objects", "statefulsets")] {
        let words = format!("cannot list resource \"{resource}\" in API group");
        let line = weak.wait_for(|line| line["kind"] == kind && warned(line, &words)).expect("a warning");
        assert_eq!(line["message"], "watch failed; retrying");
    }
    // Given the permission, it continues by itself.
    let bind = ["create", "clusterrolebinding", "weak", "--clusterrole=cluster-admin", "--group=weak"];
    assert!(kubectl_of(&plane, &bind, "").status.success());
    weak.ready().expect("a ready operator");
}

/// The CRD with a schema that takes anything, as the published ones do.
fn open_schema(plane: &ControlPlane, name: &str) {
    let output = kubectl_of(plane, &["get", "crd", name, "-o", "json"], "");
    let mut crd: Value = serde_json::from_slice(&output.stdout).expect("a CRD");
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] =
        serde_json::json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let replaced = kubectl_of(plane, &["replace", "-f", "-"], &crd.to_string());
    assert!(replaced.status.success(), "{}", text(&replaced.stderr));
}

#[test]
fn an_object_that_the_types_cannot_read_stops_nothing_for_the_others() {
    let plane = plane();
    let mut operator = operator(&plane, "operator", &["--local"]);
    operator.ready().expect("a ready operator");
    for crd in ["kasprapps.kaspr.io", "kasprtables.kaspr.io"] {
        open_schema(&plane, crd);
    }
    for kind in ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"] {
        assert!(kubectl_of(&plane, &["delete", kind, "kaspr-operator"], "").status.success());
    }
    let broken = "
apiVersion: kaspr.io/v1alpha1
kind: KasprTable
metadata: {name: broken, labels: {kaspr.io/app: clicks}}
spec: {name: [a, list], partitions: many}
---
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: broken}
spec: {replicas: 1, bootstrapServers: [7]}
---
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: wrong}
spec: {bootstrapServers: '', authentication: {type: plain, username: hunter2}}
---";
    // A schema takes a moment to be served.
    crate::harness::eventually_quiet("the broken objects", || {
        let output = kubectl_of(&plane, &["apply", "--validate=false", "-f", "-"], broken);
        if output.status.success() { Ok(()) } else { Err(text(&output.stderr)) }
    });
    apply(&plane, APP);
    await_object(&plane, "statefulset/clicks-app");
    for (kind, name) in [("KasprTable", "broken"), ("KasprApp", "broken")] {
        operator
            .wait_for(|line| {
                line["level"] == "WARN" && line["name"] == name && line.to_string().contains(kind)
            })
            .expect("a warning");
    }
    let wait = ["wait", "kasprapp/wrong", "--for=condition=Ready=False", "--timeout=60s"];
    assert!(kubectl_of(&plane, &wait, "").status.success());
    let said =
        text(&kubectl_of(&plane, &["get", "kasprapp", "wrong", "-o", "jsonpath={.status}"], "").stdout);
    assert!(
        said.contains("spec is invalid at spec.bootstrapServers, spec.authentication.passwordSecret"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
    assert!(
        fs::read_to_string(plane.log_dir().join("operator.log")).is_ok_and(|log| !log.contains("panicked"))
    );
}

#[test]
fn a_component_that_becomes_invalid_goes_on_as_it_was() {
    let plane = plane();
    let mut operator = operator(&plane, "operator", &["--local"]);
    operator.ready().expect("a ready operator");
    let table = "
apiVersion: kaspr.io/v1alpha1
kind: KasprTable
metadata: {name: kept, labels: {kaspr.io/app: clicks}}
spec: {name: kept, partitions: 6}
";
    apply(&plane, &format!("{APP}---{table}"));
    let get = |object: &str| text(&kubectl_of(&plane, &["get", object, "-o", "json"], "").stdout);
    let template = || {
        let set: Value = serde_json::from_str(&get("statefulset/clicks-app")).unwrap_or_default();
        set["spec"]["template"].clone()
    };
    crate::harness::eventually_quiet("the table in the pods", || {
        let template = template().to_string();
        if template.contains("kept-table.yaml") { Ok(()) } else { Err(template) }
    });
    let (before, definition) = (template(), get("configmap/kept-table"));
    for kind in ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"] {
        assert!(kubectl_of(&plane, &["delete", kind, "kaspr-operator"], "").status.success());
    }
    let forced = [
        "patch",
        "kasprtable",
        "kept",
        "--type=merge",
        "-p",
        r#"{"spec":{"defaultSelector":{"python":"def f(:"}}}"#,
    ];
    crate::harness::eventually_quiet("a change past admission", || {
        let output = kubectl_of(&plane, &forced, "");
        if output.status.success() { Ok(()) } else { Err(text(&output.stderr)) }
    });
    let wait = ["wait", "kasprtable/kept", "--for=condition=Ready=False", "--timeout=60s"];
    assert!(kubectl_of(&plane, &wait, "").status.success());
    // The app is reconciled too: a change of its own goes through, and the table stays.
    let scaled = ["patch", "kasprapp", "clicks", "--type=merge", "-p", r#"{"spec":{"replicas":4}}"#];
    assert!(kubectl_of(&plane, &scaled, "").status.success());
    let seen = [
        "wait",
        "horizontalpodautoscaler/clicks-app-hpa",
        "--for=jsonpath={.spec.maxReplicas}=4",
        "--timeout=60s",
    ];
    assert!(kubectl_of(&plane, &seen, "").status.success());
    assert_eq!(template(), before);
    assert_eq!(get("configmap/kept-table"), definition);
}
