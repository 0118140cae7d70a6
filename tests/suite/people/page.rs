//! Every command of `docs/command-line.md` is run as it stands there.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use super::plugin;
use crate::harness::{Namespace, condition, plane, text};

/// Commands of the fenced `sh` blocks, with the exit code of a comment `# exits N` behind them.
fn commands(page: &str) -> Vec<(String, i32)> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside && !line.is_empty() => {
                let (command, code) = line.split_once("# exits ").unwrap_or((line, "0"));
                commands.push((command.trim().to_owned(), code.trim().parse().expect("an exit code")));
            }
            _ => {}
        }
    }
    commands
}

#[test]
fn every_command_of_the_page_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/command-line.md")).expect("the page");
    let namespace = Namespace::new("page");
    let folder = plugin::both_names();
    let kubeconfig = folder.path().join("kubeconfig");
    fs::copy(plane().kubeconfig(), &kubeconfig).expect("a kubeconfig");
    let shell = |command: &str| {
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(root)
            .env("PATH", plugin::path(folder.path()))
            .env("KUBECONFIG", &kubeconfig)
            .env("HOME", folder.path())
            .output()
            .expect("a shell");
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        (output.status.code().expect("an exit code"), said)
    };
    let (code, said) = shell(&format!("kubectl config set-context --current --namespace={}", namespace.name));
    assert_eq!(code, 0, "{said}");
    let application = fs::read_to_string(root.join("examples/application.yaml")).expect("an example");
    namespace.apply(&application);
    namespace.wait_for("kasprapp", "shop", |app| condition(app, "Ready", "True", "Healthy"));
    let commands = commands(&page);
    for (command, code) in &commands {
        let (got, said) = shell(command);
        assert_eq!(got, *code, "{command}\n{said}");
    }
    // None is forgotten.
    let all: BTreeSet<&str> = commands.iter().flat_map(|(command, _)| command.split_whitespace()).collect();
    for subcommand in [
        "status",
        "graph",
        "render",
        "diff",
        "rebalance",
        "pause",
        "resume",
        "roll",
        "validate",
        "completion",
    ] {
        assert!(all.contains(subcommand), "the page has no example of {subcommand}");
    }
}
