//! The Helm chart: rendered manifests, and the life cycle of a release on a separate API server.

mod cert_manager;
pub(crate) mod cluster;
mod drift;
pub(crate) mod lifecycle;
mod listen;
mod monitoring;
pub(crate) mod proxy;
mod render;
mod rights;
mod work;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::harness::text;

/// Name and namespace of releases.
pub(crate) const NAME: &str = "kaspr-operator";

/// The chart.
fn chart() -> PathBuf {
    project("deploy/helm/kaspr-operator")
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Creates a helm command that stores its files in a folder.
fn helm(home: &Path) -> Command {
    let mut command = Command::new(control_plane::helm().expect("helm"));
    command.env("HOME", home).env_remove("KUBECONFIG").env_remove("XDG_CACHE_HOME");
    command
}

/// Returns standard output of a command that must succeed.
fn succeeded(command: &mut Command) -> String {
    let output = command.output().expect("a program");
    assert!(output.status.success(), "{command:?}: {}", both(&output));
    text(&output.stdout)
}

/// Returns standard error of a command that must fail.
fn failed(command: &mut Command) -> String {
    let output = command.output().expect("a program");
    assert!(!output.status.success(), "{command:?} succeeded: {}", both(&output));
    text(&output.stderr)
}

fn both(output: &Output) -> String {
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

/// Returns the manifests of the chart with values.
fn template(values: &[&str]) -> String {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = helm(home.path());
    command.args(["template", NAME]).arg(chart()).args(["--namespace", NAME]);
    succeeded(command.args(values.iter().flat_map(|value| ["--set", value])))
}

/// Parses the documents of a YAML text.
fn documents(manifests: &str) -> Vec<Value> {
    let parts = manifests.split("\n---").map(|part| part.trim_start_matches("---"));
    let read = parts.map(|part| serde_saphyr::from_str::<Value>(part).expect("YAML"));
    read.filter(|document| !document.is_null()).collect()
}

/// Returns the object of a kind and name.
fn object<'a>(documents: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = documents.iter().find(|d| d["kind"] == kind && d["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("{kind} {name} not found"))
}
