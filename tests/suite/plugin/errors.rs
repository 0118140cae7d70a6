//! Error messages of the plugin.

use std::{fs, path::Path};

use control_plane::ControlPlane;

use super::{APP, alone, command, run};
use crate::harness::{eventually_quiet, kubectl_of, plane, text};

/// Returns the message with which a subcommand fails.
fn message(args: &[&str], kubeconfig: &Path, code: i32) -> String {
    let ran = run(command(args, Some(kubeconfig)), APP);
    assert_eq!((ran.code, ran.said.as_str()), (code, ""), "{ran:?}");
    assert_eq!(ran.noted.lines().count(), 1, "{ran:?}");
    assert!(ran.noted.starts_with("kaspr-operator: "), "{ran:?}");
    ran.noted
}

#[test]
fn a_missing_permission() {
    let kubeconfig = plane().kubeconfig_for("guest", &[]).expect("a kubeconfig");
    for (args, code) in [
        (&["status", "clicks"][..], 1),
        (&["graph", "clicks"], 1),
        (&["pause", "clicks"], 1),
        (&["diff", "-"], 2),
    ] {
        let said = message(args, &kubeconfig, code);
        assert!(said.contains("not allowed; ask for a role that grants it (kaspr"), "{said}");
        assert!(said.contains("User \"guest\" cannot"), "{said}");
    }
}

#[test]
fn a_missing_file_of_kubeconfig_is_no_error_if_another_exists() {
    let files = [Path::new("/nonexistent/kubeconfig"), plane().kubeconfig()];
    let files = std::env::join_paths(files).expect("paths");
    let said = message(&["status", "none"], Path::new(&files), 1);
    assert!(said.contains("KasprApp 'none' not found"), "{said}");
}

#[test]
fn an_unreachable_or_missing_cluster() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("kubeconfig");
    let text = fs::read_to_string(plane().kubeconfig()).expect("a kubeconfig");
    // No server listens on port 1.
    fs::write(&file, text.replace(plane().server_url(), "https://127.0.0.1:1")).expect("a file");
    let said = message(&["status"], &file, 1);
    assert!(said.contains("https://127.0.0.1:1/ does not answer") && said.contains("refused"), "{said}");
    let said = message(&["status", "--context", "other"], &file, 1);
    assert!(said.contains("no cluster is configured") && said.contains("other"), "{said}");
    let ran = alone(&["status"], "");
    assert!(ran.code == 1 && ran.noted.contains("set KUBECONFIG"), "{ran:?}");
    let ran = alone(&["diff", "examples", "--kubeconfig", "/nonexistent"], "");
    assert!(ran.code == 2 && ran.noted.contains("/nonexistent"), "{ran:?}");
}

/// A cluster without CRDs, and then one without an operator.
#[test]
fn a_cluster_without_crds_or_operator() {
    let plane = ControlPlane::builder().without_scheduler().without_kwok().start().expect("a control plane");
    for (args, code) in
        [(&["status"][..], 1), (&["graph", "clicks"], 1), (&["roll", "clicks"], 1), (&["diff", "-"], 2)]
    {
        let said = message(args, plane.kubeconfig(), code);
        assert!(said.contains("install the CRDs: kaspr-operator crds | kubectl apply -f -"), "{said}");
    }
    let crds = alone(&["crds"], "").ok();
    let applied = kubectl_of(&plane, &["apply", "-f", "-"], &crds);
    assert!(applied.status.success(), "{}", text(&applied.stderr));
    eventually_quiet("an app", || {
        let applied = kubectl_of(&plane, &["apply", "-f", "-"], APP);
        if applied.status.success() { Ok(()) } else { Err(text(&applied.stderr)) }
    });
    let said = message(&["roll", "clicks", "--wait", "--timeout", "1s"], plane.kubeconfig(), 1);
    assert!(said.contains("timed out after 1s waiting for the roll; check that the operator is running, and run `status clicks`"), "{said}");
    let ran = run(command(&["status"], Some(plane.kubeconfig())), "");
    assert!(ran.said.contains("not reconciled yet") && ran.said.contains("NotSeenYet"), "{ran:?}");
}
