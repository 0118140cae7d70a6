//! Rules of pipelines, which agents, tasks and webviews share.

use std::collections::BTreeSet;

use super::{Findings, Path, Validate, rules, topic};
use crate::api::{Operation, Processors, TableRef};

/// Python's keywords, which can't name an argument.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Whether Python takes the text as a name.
pub fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !KEYWORDS.contains(&text)
}

impl Validate for Processors {
    fn validate(&self, at: &Path, found: &mut Findings) {
        topic::code_at(self.init.as_ref(), &at.child("init"), found);
        let mut names = BTreeSet::new();
        for (i, operation) in self.operations.iter().flatten().enumerate() {
            let at = at.child("operations").index(i);
            operation.validate(&at, found);
            let name = operation.name.as_deref().unwrap_or_default();
            if !name.is_empty() && !names.insert(name) {
                found.duplicate(at.child("name"), name);
            }
        }
        let pipeline = self.pipeline.as_deref().unwrap_or_default();
        if pipeline.is_empty() {
            found.warn(at.child("pipeline"), "is empty: nothing is done with the values");
        }
        let known = match names.len() {
            0 => "there is none".to_owned(),
            _ => format!("one of {}", rules::quoted(names.iter().copied())),
        };
        for (i, step) in pipeline.iter().enumerate().filter(|(_, step)| !names.contains(step.as_str())) {
            found.invalid(
                at.child("pipeline").index(i),
                step.as_str(),
                format!("must name an operation: {known}"),
            );
        }
    }
}

impl Validate for Operation {
    fn validate(&self, at: &Path, found: &mut Findings) {
        if self.name.as_deref().unwrap_or_default().is_empty() {
            found.required(at.child("name"), "must name the operation, for the pipeline to refer to it");
        }
        let given: Vec<&str> = [
            ("map", self.map.is_some()),
            ("filter", self.filter.is_some()),
            ("topicSend", self.topic_send.is_some()),
        ]
        .into_iter()
        .filter_map(|(field, given)| given.then_some(field))
        .collect();
        match given.as_slice() {
            [] => found.required(at.clone(), "must give one of map, filter and topicSend"),
            [_] => {}
            [first, more @ ..] => {
                for field in more {
                    found.forbidden(at.child(field), format!("must not be given together with {first}"));
                }
            }
        }
        topic::code_at(self.map.as_ref(), &at.child("map"), found);
        topic::code_at(self.filter.as_ref(), &at.child("filter"), found);
        if let Some(topic) = &self.topic_send {
            topic.validate(&at.child("topicSend"), found);
        }
        let mut parameters = BTreeSet::new();
        for (i, table) in self.tables.iter().flatten().enumerate() {
            let at = at.child("tables").index(i);
            table.validate(&at, found);
            if !table.param_name.is_empty() && !parameters.insert(&table.param_name) {
                found.duplicate(at.child("paramName"), &table.param_name);
            }
        }
    }
}

impl Validate for TableRef {
    fn validate(&self, at: &Path, found: &mut Findings) {
        if self.name.is_empty() {
            found.required(at.child("name"), "must be the spec.name of a KasprTable of the same app");
        }
        if self.param_name.is_empty() {
            found.required(at.child("paramName"), "must name the argument that gets the table");
        } else if !is_identifier(&self.param_name) {
            found.invalid(
                at.child("paramName"),
                self.param_name.as_str(),
                "must be a Python name that is not a keyword",
            );
        }
    }
}
