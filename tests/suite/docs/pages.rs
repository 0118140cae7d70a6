//! Runs the commands of each page of docs/ in a suitable cluster.

use std::{fs, path::Path, process::Command};

use control_plane::{ControlPlane, Operator};
use serde_json::{Value, json};

use super::{Shell, Step, commands, is_command, page, project, spoken_commands};
use crate::{
    chart::{
        NAME,
        cluster::Cluster,
        lifecycle::{deregisters, helm_test},
    },
    harness::{BINARY, Namespace, condition, eventually_quiet, text},
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

/// Runs the commands of a page.
fn follow(cluster: &Cluster, shell: &Shell, path: &str, operator: &mut Option<Operator>) {
    for step in commands(&page(path)) {
        run_step(cluster, shell, &step, operator);
    }
}

/// Runs a command, and acts as the kubelet and cert-manager of a real cluster.
fn run_step(cluster: &Cluster, shell: &Shell, step: &Step, operator: &mut Option<Operator>) {
    let step = Step { command: with_names(&step.command), code: step.code };
    let is = |command: &str| step.command.starts_with(command);
    if is("helm test") {
        return helm_test(cluster);
    }
    if is("helm uninstall") {
        deregisters(cluster);
        *operator = None;
    }
    let logs = step.command.contains(" logs ");
    if let (true, Some(operator)) = (logs, &operator) {
        let log = operator.log();
        let lines = log.lines().map(|line| format!("2026-01-01T00:00:00Z stdout F {line}\n"));
        fs::write(cluster.plane.pod_log(), lines.collect::<String>()).expect("written");
    }
    if logs || step.command.contains("-app-0") {
        // The operator may be replacing the pod at the moment.
        let said = eventually_quiet("a pod", || shell.try_run(&step));
        assert!(!logs || !said.is_empty(), "{step:?}");
    } else {
        shell.run(&step);
    }
    if is("helm install") {
        let certificate = cluster.certify();
        *operator = Some(cluster.run_operator(&certificate));
    }
}

/// Replaces the placeholders of a page with names.
fn with_names(command: &str) -> String {
    let given = [
        ("-n NS", "-n kaspr-operator"),
        ("KIND NAME", "kasprapp shop"),
        ("KIND.", "kasprapp."),
        ("NAME", "shop"),
        (" FILE", " examples/minimal.yaml"),
        (" PATH", " examples/minimal.yaml"),
    ];
    given.iter().fold(command.to_owned(), |command, (placeholder, name)| command.replace(placeholder, name))
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
    let pages = ["concepts", "operations", "packages", "security", "runbooks", "testing"]
        .map(|name| format!("docs/{name}.md"));
    for path in &pages {
        follow(&cluster, &shell, path, &mut operator);
    }
    spoken_commands_work(&cluster, &shell, &mut operator);
}

/// Runs the commands in the text of pages.
fn spoken_commands_work(cluster: &Cluster, shell: &Shell, operator: &mut Option<Operator>) {
    for (namespace, resource, options) in [
        (NAME, "secret", &["generic", "kaspr-operator-webhook-own-tls"][..]),
        ("", "namespace", &["cert-manager"]),
        ("cert-manager", "deployment", &["cert-manager-cainjector", "--image=cainjector"]),
        ("", "namespace", &["argocd"]),
        ("argocd", "configmap", &["argocd-cm"]),
    ] {
        cluster.kubectl(&[&["-n", namespace, "create", resource][..], options].concat());
    }
    let packages = r#"{"spec":{"pythonPackages":{"packages":["requests==2.32.3"]}}}"#;
    cluster.kubectl(&["patch", "kasprapp", "shop", "--type=merge", "-p", packages]);
    for path in pages() {
        for command in spoken_commands(&page(&format!("docs/{path}"))) {
            // The differences do not matter here.
            let code = i32::from(command.starts_with("kubectl kaspr diff"));
            run_step(cluster, shell, &Step { command, code }, operator);
        }
    }
}

#[test]
fn migration_leads_over_and_back() {
    let (cluster, shell) = cluster("recorded");
    published_crds(&cluster);
    cluster.kubectl(&["create", "namespace", "kaspr"]);
    let deployment = ["create", "deployment", "kaspr-operator", "--image=published"];
    cluster.kubectl(&[&["-n", "kaspr"], &deployment[..]].concat());
    takeover::as_the_python_operator_left_it(&cluster.plane);
    let crd = || cluster.get("crd", "kasprapps.kaspr.io", "")["spec"].clone();
    let before = crd();
    follow(&cluster, &shell, "docs/migration.md", &mut None);
    assert!(cluster.get("kasprapp", "clicks", "recorded").is_object(), "resources outlive {NAME}");
    assert_eq!(crd(), before);
    assert_eq!(cluster.get("deployment", "kaspr-operator", "kaspr")["spec"]["replicas"], 1);
}

/// Creates CRDs without Helm metadata and with open schemas.
fn published_crds(cluster: &Cluster) {
    let ours = project("crds").display().to_string();
    let listed = cluster.kubectl(&["create", "--dry-run=client", "-o", "json", "-f", &ours]);
    for crd in serde_json::Deserializer::from_str(&listed).into_iter::<Value>() {
        let mut crd = crd.expect("JSON");
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] =
            json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let output = cluster.try_kubectl(&["create", "-f", "-"], &crd.to_string());
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    cluster.kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
}

#[test]
fn every_command_is_on_a_page_that_is_run() {
    let run = [
        "getting-started",
        "concepts",
        "operations",
        "packages",
        "security",
        "migration",
        "command-line",
        "editors",
        "runbooks",
        "testing",
        "contributing",
    ];
    for path in pages() {
        let name = path.trim_end_matches(".md");
        let page = page(&format!("docs/{path}"));
        assert!(run.contains(&name) || commands(&page).is_empty(), "{path}");
        // Output begins otherwise.
        let blocks = page.split("```console").skip(1).filter_map(|rest| rest.split("```").next());
        let hidden = blocks.flat_map(str::lines).filter(|line| is_command(line.trim()));
        assert_eq!(hidden.collect::<Vec<_>>(), Vec::<&str>::new(), "{path}");
    }
}

/// The names of all pages.
fn pages() -> Vec<String> {
    let entries = fs::read_dir(project("docs")).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// The blocks of the page about platforms: apps are valid, and the chart takes the values.
#[test]
fn blocks_about_platforms_are_right() {
    let page = page("docs/platforms.md");
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 8, "{}", blocks.len());
    for block in blocks {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("block.yaml");
        fs::write(&file, block).expect("written");
        if block.contains("kind: NetworkPolicy") {
            Namespace::new("platforms").apply(block);
            continue;
        }
        let mut command = if block.contains("kind: KasprApp") {
            let mut validate = Command::new(BINARY);
            validate.args(["validate", "--strict"]);
            validate
        } else {
            let mut template = Command::new(control_plane::helm().expect("helm"));
            template
                .args(["template", NAME, "--namespace", NAME])
                .arg(project("deploy/helm/kaspr-operator"))
                .arg("--values");
            template
        };
        let output = command.arg(&file).env("HOME", folder.path()).output().expect("a program");
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(
            output.status.success() && !said.contains("runAsUser: 65532") | !block.contains("runAsUser"),
            "{said}"
        );
    }
}

#[test]
fn links_are_not_broken() {
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
