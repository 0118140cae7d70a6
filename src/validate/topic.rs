//! Rules of topics, which agents, tasks and webviews share.

use super::{
    Findings, Path, Validate,
    python::{self, Call, Init},
    rule, shared,
};
use crate::api::{InputTopic, TopicOut};

const TOPIC_NAME: &str = "must be 1 to 249 letters, digits, '.', '_' and '-', and not '.' or '..'";

impl Validate for InputTopic {
    fn validate(&self, at: &Path, found: &mut Findings) {
        exactly_one(at, ("name", given(&self.name)), ("pattern", given(&self.pattern)), found);
        topic_name(self.name.as_deref(), at, found);
        sizes(self.partitions, self.replicas, self.retention, at, found);
    }
}

impl TopicOut {
    /// Adds what is wrong with a topic whose selectors are called the given way, if it is known.
    pub(super) fn check(&self, at: &Path, init: &Init, call: Option<&Call>, found: &mut Findings) {
        exactly_one(at, ("name", given(&self.name)), ("nameSelector", self.name_selector.is_some()), found);
        topic_name(self.name.as_deref(), at, found);
        sizes(self.partitions, self.replicas, self.retention, at, found);
        let selectors = [
            ("nameSelector", &self.name_selector),
            ("keySelector", &self.key_selector),
            ("valueSelector", &self.value_selector),
            ("partitionSelector", &self.partition_selector),
            ("headersSelector", &self.headers_selector),
            ("predicate", &self.predicate),
        ];
        for (field, code) in selectors {
            python::check(code.as_ref(), &at.child(field), init, call, found);
        }
    }
}

/// Two fields of which one must be given.
pub fn exactly_one(at: &Path, a: (&'static str, bool), b: (&'static str, bool), found: &mut Findings) {
    match (a, b) {
        ((a, false), (b, false)) => {
            found.required(rule::ONE_OF, at.clone(), &format!("must give either {a} or {b}"))
        }
        ((a, true), (b, true)) => {
            found.forbidden(rule::ONE_OF, at.child(b), format!("must not be given together with {a}"))
        }
        _ => {}
    }
}

/// An empty string is as good as none: the framework takes it so.
fn given(text: &Option<String>) -> bool {
    text.as_ref().is_some_and(|text| !text.is_empty())
}

fn topic_name(name: Option<&str>, at: &Path, found: &mut Findings) {
    if let Some(name) = name
        && !name.is_empty()
        && !shared::is_topic_name(name)
    {
        found.invalid(rule::TOPIC_NAME, at.child("name"), name, TOPIC_NAME);
    }
}

fn sizes(
    partitions: Option<i32>,
    replicas: Option<i32>,
    retention: Option<i64>,
    at: &Path,
    found: &mut Findings,
) {
    for (field, number) in [("partitions", partitions), ("replicas", replicas)] {
        if let Some(number) = number.filter(|number| *number < 1) {
            found.invalid(rule::NUMBER, at.child(field), number, "must be 1 or more");
        }
    }
    if let Some(retention) = retention.filter(|retention| *retention < 0) {
        found.invalid(rule::NUMBER, at.child("retention"), retention, "must be 0 or more seconds");
    }
}
