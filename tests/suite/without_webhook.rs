//! A cluster without the operator: first with only the CRDs, then also with the policies of `deploy/`.

use std::{fs, path::Path};

use control_plane::ControlPlane;
use serde_json::Value;

use crate::{
    gitops::assess,
    harness::{eventually_quiet, kubectl_of, text},
};

/// Examples that CRDs cannot reject, because their rules parse code, compare names, or read other fields.
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

/// Returns the error of the server for a manifest, or an empty string if it is accepted.
fn apply_error(plane: &ControlPlane, manifest: &str) -> String {
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

fn apply_folder(plane: &ControlPlane, folder: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).display().to_string();
    let output = kubectl_of(plane, &["apply", "-f", &folder], "");
    assert!(output.status.success(), "{}", text(&output.stderr));
}

fn create(plane: &ControlPlane, manifest: &str) {
    let output = kubectl_of(plane, &["create", "-f", "-"], manifest);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn crds_and_policies_reject_what_they_can() {
    let plane = ControlPlane::builder().without_scheduler().without_kwok().start().expect("a control plane");
    apply_folder(&plane, "crds");
    let crds = ["wait", "crd", "--all", "--for=condition=Established", "--timeout=60s"];
    assert!(kubectl_of(&plane, &crds, "").status.success());
    assert_crds_reject_examples(&plane);
    create(&plane, &app("kept", "storage: {type: ephemeral}"));
    assert_waits_for_the_operator(&plane);
    assert!(
        apply_error(&plane, &app("kept", "storage: {type: persistent-claim, size: 1Gi}"))
            .ends_with("field is immutable: it was 'ephemeral'")
    );
    apply_folder(&plane, "deploy");
    eventually_quiet("the policies are in force", || {
        let error = apply_error(&plane, &table("annotations: {}"));
        if error.contains("metadata.labels[kaspr.io/app]") { Ok(()) } else { Err(error) }
    });
    assert_policies_reject(&plane);
}

/// Asserts that tools wait for a resource that no operator has read.
fn assert_waits_for_the_operator(plane: &ControlPlane) {
    let output = kubectl_of(plane, &["get", "kasprapp", "kept", "-o", "json"], "");
    let app: Value = serde_json::from_slice(&output.stdout).expect("an app");
    let [assessment] = &assess(&[app])[..] else { panic!("one app") };
    assert_eq!((&*assessment.kstatus, &*assessment.health), ("InProgress", "Progressing"));
}

/// Asserts that CRDs reject the refused examples, with the error in their first line, except those for
/// the webhook.
fn assert_crds_reject_examples(plane: &ControlPlane) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/refused");
    let mut accepted = Vec::new();
    for entry in fs::read_dir(examples).expect("examples") {
        let path = entry.expect("an example").path();
        let manifest = fs::read_to_string(&path).expect("text");
        let expected =
            manifest.lines().next().and_then(|line| line.strip_prefix("# refused: ")).expect("a reason");
        match apply_error(plane, &manifest).split_once("\" is invalid: ") {
            None => accepted.push(path.file_stem().expect("a name").display().to_string()),
            Some((_, reason)) => assert_eq!(reason, expected, "{}", path.display()),
        }
    }
    accepted.sort();
    assert_eq!(accepted, FOR_THE_WEBHOOK);
}

fn assert_policies_reject(plane: &ControlPlane) {
    let map = "{name: a, map: {python: 'def f(): pass'}}";
    let grown = app("grown", "storage: {type: persistent-claim, size: 2Gi}\n  config: {topicPartitions: 4}");
    create(plane, &grown);
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
        (task(&format!("[{map}]"), "[b]"), "spec.processors.pipeline: must name operations of the resource"),
        (task(&format!("[{map}, {map}]"), "[a]"), "spec.processors.operations: must have unique names"),
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
        let error = apply_error(plane, manifest);
        let reason = error.split_once("denied request: ").map_or(error.as_str(), |(_, reason)| reason);
        assert_eq!(reason, *expected, "{manifest}");
    }
}
