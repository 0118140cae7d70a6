//! The pages of docs/, each in a cluster like the one that it is about.

use std::{fs, path::Path};

use control_plane::{ControlPlane, Operator};
use serde_json::json;

use super::{Shell, commands, page, project};
use crate::{
    chart::{
        NAME,
        cluster::Cluster,
        lifecycle::{deregisters, helm_test},
    },
    harness::condition,
    takeover,
};

/// A cluster for a release, and a shell in it.
fn cluster(namespace: &str) -> (Cluster, Shell) {
    let cluster = Cluster::start(ControlPlane::builder());
    let (webhooks, metrics) = cluster.ports;
    let ports = json!({ "webhooks": { "port": webhooks }, "metrics": { "port": metrics } });
    let shell = Shell::new(&cluster.plane, namespace).with_helm(&ports.to_string());
    (cluster, shell)
}

/// Runs the commands of a page, and does what in a real cluster kubelet and cert-manager do.
fn follow(cluster: &Cluster, shell: &Shell, path: &str, operator: &mut Option<Operator>) {
    for step in commands(&page(path)) {
        if step.command.starts_with("helm test") {
            helm_test(cluster);
            continue;
        }
        if step.command.starts_with("helm uninstall") {
            deregisters(cluster);
            *operator = None;
        }
        shell.run(&step);
        if step.command.starts_with("helm install") {
            let certificate = cluster.certify();
            *operator = Some(cluster.run_operator(&certificate));
        }
    }
}

#[test]
fn getting_started_leads_to_an_app_and_back() {
    let (cluster, shell) = cluster("default");
    follow(&cluster, &shell, "docs/getting-started.md", &mut None);
    assert_eq!(cluster.kubectl(&["get", "crds", "-o", "name"]).matches(".kaspr.io").count(), 0);
}

#[test]
fn pages_about_a_running_operator_are_right() {
    let (cluster, shell) = cluster("default");
    cluster.install(&[]);
    let certificate = cluster.certify();
    let mut operator = Some(cluster.run_operator(&certificate));
    cluster.apply(&page("examples/application.yaml"));
    cluster.wait_for("kasprapp", "shop", "default", |app| condition(app, "Ready", "True", "Healthy"));
    for path in ["docs/concepts.md", "docs/operations.md", "docs/packages.md", "docs/security.md"] {
        follow(&cluster, &shell, path, &mut operator);
    }
}

#[test]
fn migration_leads_over_and_back() {
    let (cluster, shell) = cluster("recorded");
    // CRDs that Helm did not bring.
    let crds = project("crds").display().to_string();
    cluster.kubectl(&["apply", "--server-side", "-f", &crds]);
    cluster.kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
    takeover::as_the_published_operator_left_it(&cluster.plane);
    follow(&cluster, &shell, "docs/migration.md", &mut None);
    assert!(cluster.get("kasprapp", "clicks", "recorded").is_object(), "resources outlive {NAME}");
}

#[test]
fn every_command_is_on_a_page_that_is_run() {
    let run =
        ["getting-started", "concepts", "operations", "packages", "security", "migration", "command-line"];
    for path in pages() {
        let name = path.trim_end_matches(".md");
        assert!(run.contains(&name) || commands(&page(&format!("docs/{path}"))).is_empty(), "{path}");
    }
}

/// The names of all pages.
fn pages() -> Vec<String> {
    let entries = fs::read_dir(project("docs")).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    let roots = ["README.md", "CHANGELOG.md"].map(str::to_owned);
    for path in pages().iter().map(|name| format!("docs/{name}")).chain(roots) {
        let text = page(&path);
        let folder = project(&path).parent().map(Path::to_owned).expect("a folder");
        // What follows `](`, up to the bracket.
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if target.starts_with("http") {
                continue;
            }
            let file = if file.is_empty() { project(&path) } else { folder.join(file) };
            let found = file.exists() && (anchor.is_empty() || anchors(&file).iter().any(|a| a == anchor));
            if !found {
                broken.push(format!("{path}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The headings of a page as links name them.
fn anchors(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("text");
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
    };
    headings.map(anchor).collect()
}
