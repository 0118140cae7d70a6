//! `kubectl kaspr`, and completions.

use std::{env, os::unix::fs::symlink, path::Path, process::Command};

use tempfile::TempDir;

use super::{SUBCOMMANDS, alone};
use crate::harness::{BINARY, plane, text};

/// A folder in which the binary has both its names.
pub(super) fn both_names() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["kubectl-kaspr", "kaspr-operator"] {
        symlink(BINARY, folder.path().join(name)).expect("a link");
    }
    symlink(plane().kubectl_path(), folder.path().join("kubectl")).expect("a link");
    folder
}

/// The search path with that folder in front.
pub(super) fn path(folder: &Path) -> String {
    format!("{}:{}", folder.display(), env::var("PATH").unwrap_or_default())
}

fn kubectl(folder: &TempDir, args: &[&str]) -> (bool, String, String) {
    let mut kubectl: Command = plane().kubectl();
    let output = kubectl.args(args).env("PATH", path(folder.path())).output().expect("kubectl");
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn kubectl_finds_the_subcommands_of_the_plugin() {
    let folder = both_names();
    let (success, said, _) = kubectl(&folder, &["kaspr", "--help"]);
    assert!(success && said.contains("Usage: kubectl kaspr [OPTIONS] <COMMAND>"), "{said}");
    for name in SUBCOMMANDS {
        assert!(said.contains(&format!("\n  {name} ")), "{name}: {said}");
    }
    for hidden in ["run", "crds", "webhook-config", "certs"] {
        assert!(!said.contains(&format!("\n  {hidden} ")), "{hidden}: {said}");
    }
    let (success, said, _) = kubectl(&folder, &["kaspr", "status", "--help"]);
    assert!(success && said.contains("Usage: kubectl kaspr status [OPTIONS] [APP]"), "{said}");
    // As for kubectl, flags of the cluster may come first.
    for args in [["kaspr", "status", "none", "-n", "default"], ["kaspr", "-n", "default", "status", "none"]] {
        let (success, _, said) = kubectl(&folder, &args);
        assert!(!success && said.contains("kubectl kaspr: KasprApp 'none' not found"), "{said}");
    }
}

#[test]
fn each_shell_has_completions() {
    for (shell, words) in [
        ("bash", "complete -F _kaspr__operator"),
        ("zsh", "#compdef kaspr-operator"),
        ("fish", "complete -c kaspr-operator"),
        ("elvish", "edit:completion:arg-completer[kaspr-operator]"),
        ("powershell", "Register-ArgumentCompleter -Native -CommandName 'kaspr-operator'"),
    ] {
        let said = alone(&["completion", shell], "").ok();
        assert!(said.contains(words) && said.contains("rebalance"), "{shell}: {said}");
    }
    let folder = both_names();
    let (success, said, _) = kubectl(&folder, &["kaspr", "completion", "zsh"]);
    assert!(success && said.contains("#compdef kubectl-kaspr"), "{said}");
}
