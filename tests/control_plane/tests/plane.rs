//! What works on a whole control plane, which these tests share.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::process::Command;
use std::sync::{OnceLock, RwLock};

use common::{eventually, run};
use control_plane::ControlPlane;

/// Held for writing by the one test that takes the API server away.
static SERVER_IS_THERE: RwLock<()> = RwLock::new(());

fn plane() -> &'static ControlPlane {
    static PLANE: OnceLock<ControlPlane> = OnceLock::new();
    PLANE.get_or_init(|| ControlPlane::start().unwrap())
}

/// Applies `manifest` to `namespace`.
fn apply(namespace: &str, manifest: &str) {
    let file = plane().log_dir().join(format!("{namespace}.yaml"));
    fs::write(&file, manifest).unwrap();
    kubectl(&["-n", namespace, "apply", "-f", file.to_str().unwrap()]);
}

fn kubectl(args: &[&str]) -> String {
    run(plane().kubectl().args(args)).unwrap()
}

const STATEFUL_SET: &str = r#"
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: app }
spec:
  replicas: 1
  serviceName: app
  selector: { matchLabels: { app: app } }
  template:
    metadata: { labels: { app: app } }
    spec:
      initContainers: [{ name: init, image: none }]
      containers: [{ name: app, image: none }]
  persistentVolumeClaimRetentionPolicy: { whenDeleted: Delete, whenScaled: Retain }
  volumeClaimTemplates:
    - metadata: { name: data }
      spec:
        storageClassName: standard
        accessModes: [ReadWriteOnce]
        resources: { requests: { storage: 1Gi } }
"#;

#[test]
fn a_stateful_set_gets_its_pod_and_volume() {
    let _there = SERVER_IS_THERE.read();
    let namespace = plane().new_namespace("stateful").unwrap();
    let get = |what: &[&str]| kubectl(&[&["-n", &namespace, "get"], what].concat());
    apply(&namespace, STATEFUL_SET);
    eventually("the pod is ready", || {
        let args = ["-n", &namespace, "wait", "--for=condition=Ready", "pod/app-0"];
        run(plane().kubectl().args(args).arg("--timeout=30s")).is_ok()
    });
    let claim = ["pvc", "data-app-0", "-o"];
    assert_eq!(get(&[&claim[..], &["jsonpath={.status.phase}"]].concat()), "Bound");

    let more = r#"{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}"#;
    kubectl(&["-n", &namespace, "patch", "pvc", "data-app-0", "-p", more]);
    let capacity = [&claim[..], &["jsonpath={.status.capacity.storage}"]].concat();
    eventually("the volume has grown", || get(&capacity) == "2Gi");

    let volume = get(&[&claim[..], &["jsonpath={.spec.volumeName}"]].concat());
    kubectl(&["-n", &namespace, "delete", "statefulset", "app"]);
    eventually("pod, claim and volume are gone", || {
        get(&["pods,pvc", "-o", "name"]).is_empty()
            && run(plane().kubectl().args(["get", "pv", &volume])).is_err()
    });
    kubectl(&["delete", "namespace", &namespace, "--timeout=30s"]);
}

#[test]
fn a_job_completes() {
    let _there = SERVER_IS_THERE.read();
    let namespace = plane().new_namespace("job").unwrap();
    kubectl(&["-n", &namespace, "create", "job", "work", "--image=none"]);
    let args = ["-n", &namespace, "wait", "--for=condition=Complete", "job/work"];
    kubectl(&[&args[..], &["--timeout=30s"]].concat());
}

#[test]
fn another_user_may_do_what_each_of_its_groups_may() {
    let _there = SERVER_IS_THERE.read();
    let namespace = plane().new_namespace("rbac").unwrap();
    for (group, resource) in [("a", "pods"), ("b", "secrets")] {
        let role = format!("--role={group}");
        let group = format!("{namespace}:{group}");
        let name = &role["--role=".len()..];
        let resource = format!("--resource={resource}");
        kubectl(&["-n", &namespace, "create", "role", name, "--verb=list", &resource]);
        let group = format!("--group={group}");
        kubectl(&["-n", &namespace, "create", "rolebinding", name, &role, &group]);
    }
    let groups = ["a", "b", "c"].map(|group| format!("{namespace}:{group}"));
    let groups = groups.each_ref().map(String::as_str);
    let kubeconfig = plane().kubeconfig_for("jane", &groups).unwrap();
    let as_jane = |args: &[&str]| {
        let mut command = plane().kubectl();
        run(command.env("KUBECONFIG", &kubeconfig).args(["-n", &namespace]).args(args))
    };
    assert!(as_jane(&["auth", "whoami"]).unwrap().contains("jane"));
    for (resource, may) in [("pods", true), ("secrets", true), ("configmaps", false)] {
        let done = as_jane(&["get", resource]);
        assert_eq!(done.is_ok(), may, "{resource}: {done:?}");
    }
    let refused = as_jane(&["get", "configmaps"]).unwrap_err();
    assert!(refused.contains("User \"jane\" cannot list"), "{refused}");
}

#[test]
fn the_api_server_goes_and_comes_back() {
    let _away = SERVER_IS_THERE.write();
    let plane = plane();
    let before = plane.new_namespace("outage").unwrap();
    let pid = |plane: &ControlPlane| {
        let pids = plane.pids();
        pids.iter().find(|(name, _)| *name == "kube-apiserver").map(|(_, pid)| *pid)
    };
    let first = pid(plane);
    plane.stop_api_server();
    assert_eq!(pid(plane), None);
    assert!(plane.new_namespace("outage").is_err());
    plane.start_api_server().unwrap();
    assert!(pid(plane).is_some());
    assert_ne!(pid(plane), first);
    kubectl(&["get", "namespace", &before]);

    apply(&before, STATEFUL_SET);
    eventually("controllers work again", || {
        let args = ["-n", &before, "wait", "--for=condition=Ready", "pod/app-0"];
        run(plane.kubectl().args(args)).is_ok()
    });
}

#[test]
fn the_kubeconfig_is_safe_and_sound() {
    let config = fs::read_to_string(plane().kubeconfig()).unwrap();
    assert!(config.contains(plane().server_url()));
    assert!(config.contains("certificate-authority-data"));
    assert!(!config.contains("insecure"));
    let _there = SERVER_IS_THERE.read();
    let mut kubectl = Command::new(plane().kubectl_path());
    kubectl.arg("--kubeconfig").arg(plane().kubeconfig());
    run(kubectl.args(["get", "--raw", "/readyz"])).unwrap();
}
