//! Leader election: one replica reconciles, and another takes over.

use std::{path::Path, process::Command};

use control_plane::{ControlPlane, Operator};
use serde_json::Value;

use crate::harness::{BINARY, eventually_quiet, kubectl_of, text};

fn replica(plane: &ControlPlane, name: &str) -> Operator {
    let log = plane.log_dir().join(format!("{name}.log"));
    let args = ["--local", "--lease-namespace=default", "--lease-identity", name, "--initial-max-replicas=2"];
    let mut operator =
        Operator::start(Path::new(BINARY), plane.kubeconfig(), &log, &args).expect("an operator");
    operator.ready().expect("a ready operator");
    operator
}

fn holder(plane: &ControlPlane) -> Result<String, String> {
    let output = kubectl_of(plane, &["-n", "default", "get", "lease", "kaspr-operator", "-o", "json"], "");
    let lease: Value = serde_json::from_slice(&output.stdout).map_err(|_| text(&output.stderr))?;
    lease["spec"]["holderIdentity"].as_str().map(str::to_owned).ok_or_else(|| lease.to_string())
}

fn make(plane: &ControlPlane, name: &str) {
    let app = format!(
        "
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {{name: {name}}}
spec:
  replicas: 3
  bootstrapServers: kafka:9092
  authentication: {{type: scram-sha-512, username: u, passwordSecret: {{secretName: s, passwordKey: p}}}}
"
    );
    eventually_quiet("an app", || {
        let output = kubectl_of(plane, &["apply", "-f", "-"], &app);
        if output.status.success() { Ok(()) } else { Err(text(&output.stderr)) }
    });
    eventually_quiet("its StatefulSet", || {
        let output = kubectl_of(plane, &["get", "statefulset", &format!("{name}-app")], "");
        if output.status.success() { Ok(()) } else { Err(text(&output.stderr)) }
    });
}

fn applied(line: &Value) -> bool {
    line["message"] == "applied"
}

#[test]
fn one_replica_writes_and_the_next_takes_over() {
    let plane = ControlPlane::start().expect("a control plane");
    let mut first = replica(&plane, "first");
    eventually_quiet("a holder", || {
        holder(&plane).and_then(|holder| (holder == "first").then_some(()).ok_or(holder))
    });
    let mut second = replica(&plane, "second");
    make(&plane, "clicks");
    // The log may be a moment behind the cluster.
    first.wait_for(applied).expect("what it wrote");
    assert!(!second.lines().iter().any(applied));

    // A killed replica cannot release the Lease.
    let killed = Command::new("kill").args(["-9", &first.pid().to_string()]).status().expect("kill");
    assert!(killed.success());
    make(&plane, "orders");
    assert_eq!(holder(&plane).as_deref(), Ok("second"));
    second.wait_for(applied).expect("what it wrote");

    // A stopped replica releases the Lease.
    let mut third = replica(&plane, "third");
    assert!(second.stop().expect("an exit").success());
    make(&plane, "views");
    third.wait_for(applied).expect("what it wrote");
    starts_with_two_members(&plane);
}

fn starts_with_two_members(plane: &ControlPlane) {
    let members = |wanted: &str| {
        eventually_quiet("members", || {
            let args = ["get", "statefulset", "views-app", "-o", "jsonpath={.spec.replicas}"];
            let replicas = text(&kubectl_of(plane, &args, "").stdout);
            if replicas == wanted { Ok(()) } else { Err(replicas) }
        });
    };
    members("2");
    for (replicas, then) in [("0", "0"), ("3", "2")] {
        let scaled = ["scale", "kasprapp", "views", &format!("--replicas={replicas}")];
        assert!(kubectl_of(plane, &scaled, "").status.success());
        members(then);
    }
}
