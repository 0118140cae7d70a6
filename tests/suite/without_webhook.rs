//! A cluster with the CRDs and nothing else, and then with the policies of `deploy/`.

use std::{fs, path::Path};

use control_plane::ControlPlane;

use crate::harness::{eventually_quiet, kubectl_of, text};

/// Examples that no CRD can refuse: what they break needs code to be read, names to be compared, or
/// other fields to be looked at.
const FOR_THE_WEBHOOK: &[&str] = &[
    "broker-scheme",
    "config-typo",
    "entrypoint-missing",
    "entrypoint-unknown",
    "environment-twice",
    "keyword",
    "mount-without-volume",
    "package-option",
    "package-shell",
    "package-version",
    "path-parameter",
    "pipeline-operation",
    "python-await",
    "python-syntax",
    "request-above-limit",
    "table-argument",
    "task-filter",
    "task-value",
    "time-zone",
    "version-unknown",
];

/// What the server says to a manifest: nothing where it takes it.
fn said(plane: &ControlPlane, manifest: &str) -> String {
    let output = kubectl_of(plane, &["apply", "--dry-run=server", "-f", "-"], manifest);
    if output.status.success() { String::new() } else { text(&output.stderr).trim().to_owned() }
}

fn table(more: &str) -> String {
    format!(
        "apiVersion: kaspr.io/v1alpha1\nkind: KasprTable\nmetadata: {{name: t, {more}}}\nspec: {{name: t}}\n"
    )
}

fn app(name: &str, more: &str) -> String {
    format!(
        "apiVersion: kaspr.io/v1alpha1\nkind: KasprApp\nmetadata: {{name: {name}}}\nspec:\n  bootstrapServers: kafka:9092\n  authentication: {{type: scram-sha-512, username: u, passwordSecret: {{secretName: s, passwordKey: p}}}}\n  {more}\n"
    )
}

fn task(operations: &str, pipeline: &str) -> String {
    format!(
        "apiVersion: kaspr.io/v1alpha1\nkind: KasprTask\nmetadata: {{name: t, labels: {{kaspr.io/app: a}}}}\nspec: {{name: t, processors: {{pipeline: {pipeline}, operations: {operations}}}}}\n"
    )
}

#[test]
fn the_cluster_itself_refuses_what_it_can() {
    let plane = ControlPlane::builder().without_scheduler().without_kwok().start().expect("a control plane");
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let apply = |folder: &str| {
        let folder = project.join(folder).display().to_string();
        let output = kubectl_of(&plane, &["apply", "-f", &folder], "");
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    apply("crds");
    let crds = ["wait", "crd", "--all", "--for=condition=Established", "--timeout=60s"];
    assert!(kubectl_of(&plane, &crds, "").status.success());

    let mut accepted = Vec::new();
    for entry in fs::read_dir(project.join("examples/refused")).expect("examples") {
        let path = entry.expect("an example").path();
        let manifest = fs::read_to_string(&path).expect("text");
        let expected =
            manifest.lines().next().and_then(|line| line.strip_prefix("# refused: ")).expect("a reason");
        match said(&plane, &manifest).split_once("\" is invalid: ") {
            None => accepted.push(path.file_stem().expect("a name").display().to_string()),
            Some((_, reason)) => assert_eq!(reason, expected, "{}", path.display()),
        }
    }
    accepted.sort();
    assert_eq!(accepted, FOR_THE_WEBHOOK);
    let created = kubectl_of(&plane, &["create", "-f", "-"], &app("kept", "storage: {type: ephemeral}"));
    assert!(created.status.success(), "{}", text(&created.stderr));
    assert!(
        said(&plane, &app("kept", "storage: {type: persistent-claim, size: 1Gi}"))
            .ends_with("field is immutable: it was 'ephemeral'")
    );

    apply("deploy");
    eventually_quiet("the policies are in force", || {
        let said = said(&plane, &table("annotations: {}"));
        if said.contains("metadata.labels[kaspr.io/app]") { Ok(()) } else { Err(said) }
    });
    let map = "{name: a, map: {python: 'def f(): pass'}}";
    let created = kubectl_of(
        &plane,
        &["create", "-f", "-"],
        &app("grown", "storage: {type: persistent-claim, size: 2Gi}\n  config: {topicPartitions: 4}"),
    );
    assert!(created.status.success(), "{}", text(&created.stderr));
    let rows: &[(String, &str)] = &[
        (table("labels: {kaspr.io/app: a}"), ""),
        (task(&format!("[{map}]"), "[a]"), ""),
        (app("a", "config: {topicPartitions: 4, webPort: 80}"), ""),
        (
            table("labels: {kaspr.io/app: A}"),
            "metadata.labels[kaspr.io/app]: must name the KasprApp that runs the component",
        ),
        (
            app("1a", "replicas: 1"),
            "metadata.name: must be at most 48 lower-case letters, digits and '-', start with a letter and end with a letter or digit",
        ),
        (app("a", "config: {webport: 80}"), "spec.config: has a key that is not a setting of the framework"),
        (task(&format!("[{map}]"), "[b]"), "spec.processors.pipeline: must name operations of the resource"),
        (task(&format!("[{map}, {map}]"), "[a]"), "spec.processors.operations: must have names of their own"),
        (
            task("[{name: a, filter: {python: 'def f(): pass'}}]", "[a]"),
            "spec.processors.operations: filter may not be used in a task: the framework fails on it, filter in a map instead",
        ),
        (
            app("grown", "storage: {type: persistent-claim, size: 1Gi}\n  config: {topicPartitions: 4}"),
            "spec.storage.size: must not be less than before: a claim can only grow",
        ),
        (
            app("grown", "storage: {type: persistent-claim, size: 2Gi}\n  config: {topicPartitions: 8}"),
            "spec.config.topicPartitions: field is immutable",
        ),
    ];
    for (manifest, expected) in rows {
        let said = said(&plane, manifest);
        let reason = said.split_once("denied request: ").map_or(said.as_str(), |(_, reason)| reason);
        assert_eq!(reason, *expected, "{manifest}");
    }
}
