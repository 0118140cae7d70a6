//! What people read when a cluster is not as they think.

use std::{fs, path::Path};

use control_plane::ControlPlane;

use super::{APP, alone, command, run};
use crate::harness::{eventually_quiet, kubectl_of, plane, text};

/// The one line that a subcommand ends with.
fn told(args: &[&str], kubeconfig: &Path, code: i32) -> String {
    let ran = run(command(args, Some(kubeconfig)), APP);
    assert_eq!((ran.code, ran.said.as_str()), (code, ""), "{ran:?}");
    assert_eq!(ran.noted.lines().count(), 1, "{ran:?}");
    assert!(ran.noted.starts_with("kaspr-operator: "), "{ran:?}");
    ran.noted
}

#[test]
fn a_permission_that_is_missing() {
    let kubeconfig = plane().kubeconfig_for("nobody", &[]).expect("a kubeconfig");
    for (args, code) in [
        (&["status", "clicks"][..], 1),
        (&["graph", "clicks"], 1),
        (&["pause", "clicks"], 1),
        (&["diff", "-"], 2),
    ] {
        let said = told(args, &kubeconfig, code);
        assert!(said.contains("not allowed; ask for a role that grants it (kaspr"), "{said}");
        assert!(said.contains("User \"nobody\" cannot"), "{said}");
    }
}

#[test]
fn a_cluster_that_is_away_or_nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("kubeconfig");
    let text = fs::read_to_string(plane().kubeconfig()).expect("a kubeconfig");
    // Nobody listens on the port of the telegraph.
    fs::write(&file, text.replace(plane().server_url(), "https://127.0.0.1:1")).expect("a file");
    let said = told(&["status"], &file, 1);
    assert!(said.contains("https://127.0.0.1:1/ does not answer") && said.contains("refused"), "{said}");
    let said = told(&["status", "--context", "other"], &file, 1);
    assert!(said.contains("no cluster is configured") && said.contains("other"), "{said}");
    let ran = alone(&["status"], "");
    assert!(ran.code == 1 && ran.noted.contains("set KUBECONFIG"), "{ran:?}");
    let ran = alone(&["diff", "examples", "--kubeconfig", "/nonexistent"], "");
    assert!(ran.code == 2 && ran.noted.contains("/nonexistent"), "{ran:?}");
}

/// A cluster without CRDs, and then one without an operator.
#[test]
fn a_cluster_that_nobody_prepared() {
    let plane = ControlPlane::builder().without_scheduler().without_kwok().start().expect("a control plane");
    for (args, code) in
        [(&["status"][..], 1), (&["graph", "clicks"], 1), (&["roll", "clicks"], 1), (&["diff", "-"], 2)]
    {
        let said = told(args, plane.kubeconfig(), code);
        assert!(said.contains("install the CRDs: kaspr-operator crds | kubectl apply -f -"), "{said}");
    }
    let crds = alone(&["crds"], "").ok();
    let applied = kubectl_of(&plane, &["apply", "-f", "-"], &crds);
    assert!(applied.status.success(), "{}", text(&applied.stderr));
    eventually_quiet("an app", || {
        let applied = kubectl_of(&plane, &["apply", "-f", "-"], APP);
        if applied.status.success() { Ok(()) } else { Err(text(&applied.stderr)) }
    });
    let said = told(&["roll", "clicks", "--wait", "--timeout", "1s"], plane.kubeconfig(), 1);
    assert!(said.contains("did not come true in 1s: is the operator at work? see `status clicks`"), "{said}");
    let ran = run(command(&["status"], Some(plane.kubeconfig())), "");
    assert!(ran.said.contains("not seen by an operator yet") && ran.said.contains("NotSeenYet"), "{ran:?}");
}
