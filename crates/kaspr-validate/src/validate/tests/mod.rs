//! Compares what a user writes with the exact messages.
//!
//! A row of a table is a patch, which is merged over a valid manifest, and all expected messages, one on each
//! line.

mod agent;
mod app;
mod components;
mod config;
mod cross_resource;
mod every_rule;
mod examples;
mod packages;
mod processors;
mod python;
mod robustness;
mod template;
mod update;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Findings, ValidateUpdate, Warning, review};

/// Largest length of a warning in characters, as Kubernetes recommends.
const LONGEST_WARNING: usize = 120;

const APP: &str = "
metadata: {name: orders}
spec:
  bootstrapServers: kafka:9092
  tls: {}
  authentication: {type: scram-sha-512, username: orders, passwordSecret: {secretName: kafka-user, passwordKey: password}}
  storage: {type: persistent-claim, size: 10Gi}
";

fn parse_yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Merges a patch over a manifest: null removes a field, a list replaces a list.
fn patched<T: DeserializeOwned>(manifest: &str, patch: &str) -> T {
    let mut object = parse_yaml(manifest);
    json_patch::merge(&mut object, &parse_yaml(patch));
    serde_json::from_value(object).unwrap_or_else(|e| panic!("{patch}: {e}"))
}

fn errors(found: &Findings) -> Vec<String> {
    found.errors.iter().map(ToString::to_string).collect()
}

fn warnings(found: &Findings) -> Vec<String> {
    found.warnings.iter().map(Warning::to_string).collect()
}

/// Asserts that each row has exactly these errors.
fn assert_errors<T: ValidateUpdate + DeserializeOwned>(manifest: &str, rows: &[(&str, &str)]) {
    compare(rows, |patch| errors(&review::<T>(&patched(manifest, patch), None, None)));
}

/// Asserts that each row has exactly these warnings, and no errors.
fn assert_warnings<T: ValidateUpdate + DeserializeOwned>(manifest: &str, rows: &[(&str, &str)]) {
    compare(rows, |patch| {
        let found = review::<T>(&patched(manifest, patch), None, None);
        assert_eq!(errors(&found), Vec::<String>::new(), "{patch}");
        for warning in warnings(&found) {
            assert!(
                warning.chars().count() <= LONGEST_WARNING,
                "{} characters: {warning}",
                warning.chars().count()
            );
        }
        warnings(&found)
    });
}

/// Asserts that no row has errors or warnings.
fn assert_accepted<T: ValidateUpdate + DeserializeOwned>(manifest: &str, patches: &[&str]) {
    let rows: Vec<(&str, &str)> = patches.iter().map(|patch| (*patch, "")).collect();
    compare(&rows, |patch| {
        let found = review::<T>(&patched(manifest, patch), None, None);
        [errors(&found), warnings(&found)].concat()
    });
}

/// Compares all rows before it fails, so that the failure shows all effects of a changed rule.
fn compare(rows: &[(&str, &str)], lines: impl Fn(&str) -> Vec<String>) {
    let wrong: Vec<String> = rows
        .iter()
        .map(|(patch, expected)| (patch, expected, lines(patch).join("\n")))
        .filter(|(_, expected, got)| *expected != got)
        .map(|(patch, expected, got)| format!("{patch}\n  expected: {expected}\n  got:      {got}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
