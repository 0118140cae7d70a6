//! Rules of embedded Python.

mod calls;
mod entrypoints;
mod limits;
mod meaning;
mod syntax;

use serde_json::{Value, json};

use super::{errors, warnings};
use crate::{
    api::KasprAgent,
    validate::{Findings, ValidateUpdate, review, rule},
};

const MAP: &str = "spec.processors.operations[0].map";

fn validate<T: ValidateUpdate + serde::de::DeserializeOwned>(spec: &Value) -> Findings {
    let object = json!({ "metadata": { "name": "a", "labels": { "kaspr.io/app": "a" } }, "spec": spec });
    review::<T>(&serde_json::from_value(object).expect("a resource"), None, None)
}

fn validate_processors(processors: &Value) -> Findings {
    validate::<KasprAgent>(&json!({ "input": { "topic": { "name": "t" } }, "processors": processors }))
}

/// Validates an agent with one map operation, which receives tables with these names.
fn validate_map(init: Option<&str>, map: &Value, tables: &[&str]) -> Findings {
    let tables: Vec<Value> = tables.iter().map(|name| json!({ "name": name, "paramName": name })).collect();
    let init = init.map(|python| json!({ "python": python }));
    validate_processors(
        &json!({ "init": init, "pipeline": ["a"], "operations": [{ "name": "a", "map": map, "tables": tables }] }),
    )
}

/// Rules of what code does when it runs. `meaning.rs` has their cases; the code in other cases need not be complete.
const OF_MEANING: &[&rule::Rule] =
    &[rule::PYTHON_NAME, rule::PYTHON_UNUSED, rule::PYTHON_STATE, rule::TABLE_DEFAULT];

/// Returns the messages about code in a map operation, without its path and without what it does when it runs.
fn map_messages(init: Option<&str>, map: &Value, tables: &[&str]) -> Vec<String> {
    let mut found = validate_map(init, map, tables);
    found.errors.retain(|error| !OF_MEANING.contains(&error.rule));
    found.warnings.retain(|warning| !OF_MEANING.contains(&warning.rule));
    lines_of_map(&found)
}

/// Returns all messages about code in a map operation, without its path.
fn all_map_messages(init: Option<&str>, map: &Value, tables: &[&str]) -> Vec<String> {
    lines_of_map(&validate_map(init, map, tables))
}

fn lines_of_map(found: &Findings) -> Vec<String> {
    assert!(errors(found).iter().all(|line| line.starts_with("spec.processors.")), "{found:?}");
    [errors(found), warnings(found)].concat().iter().map(|line| line.replacen(MAP, "", 1)).collect()
}

/// Returns the messages about code in a map operation.
fn messages(python: &str) -> Vec<String> {
    map_messages(None, &json!({ "python": python }), &[])
}

/// Compares all rows (name, messages, expected messages) before it fails.
#[track_caller]
fn assert_messages(rows: Vec<(String, Vec<String>, &str)>) {
    let wrong: Vec<String> = rows
        .into_iter()
        .filter(|(_, got, expected)| got.join("\n") != *expected)
        .map(|(code, got, expected)| {
            format!("{code}\n  expected: {expected}\n  got:      {}", got.join("\n"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
