//! Rules of topics, which agents, tasks and webviews have.

use super::{
    findings::Findings,
    path::Path,
    python::{self, Call, Init, Role},
    regex, rule, shared,
    valid::Validate,
};
use crate::api::{InputTopic, TopicOut};

const TOPIC_NAME: &str = "must be 1 to 249 letters, digits, '.', '_' and '-', and not '.' or '..'";

impl Validate for InputTopic {
    fn validate(&self, at: &Path, found: &mut Findings) {
        exactly_one(at, ("name", is_set(&self.name)), ("pattern", is_set(&self.pattern)), found);
        check_topic_names(self, at, found);
        if let Some(pattern) = self.pattern.as_deref().filter(|pattern| !pattern.is_empty()) {
            let at = at.child("pattern");
            if let Err(why) = regex::check(pattern) {
                found.invalid(
                    rule::REGULAR_EXPRESSION,
                    at.clone(),
                    pattern,
                    format!("Python refuses it: {why}"),
                );
            }
            found.warn(
                rule::NO_EFFECT,
                at,
                "reads no topic: the framework does not subscribe to patterns, so name the topics",
            );
        }
        check_sizes(self.partitions, self.replicas, self.retention, at, found);
    }
}

/// Validates a topic; `is_used` is whether values are sent to it, and `call` has the arguments of its selectors, if they
/// are known.
pub(super) fn check_output(
    topic: &TopicOut,
    at: &Path,
    (init, is_used): (&Init, bool),
    call: Option<&Call>,
    found: &mut Findings,
) {
    exactly_one(at, ("name", is_set(&topic.name)), ("nameSelector", topic.name_selector.is_some()), found);
    check_topic_name(topic.name.as_deref(), at, found);
    check_sizes(topic.partitions, topic.replicas, topic.retention, at, found);
    // The framework gives the tables of an operation to all selectors but this one.
    let value = Call::value();
    for (field, code) in topic.selectors() {
        let role = match field {
            _ if !is_used => Role::Idle,
            "predicate" => Role::Predicate,
            _ => Role::Selector,
        };
        let call = if field == "nameSelector" { call.map(|_| &value) } else { call };
        python::check(code, &at.child(field), (init, role), call, found);
    }
}

/// Checks that exactly one of two fields is set.
pub(super) fn exactly_one(at: &Path, a: (&'static str, bool), b: (&'static str, bool), found: &mut Findings) {
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

/// Whether a text is set. The framework treats an empty string as missing.
fn is_set(text: &Option<String>) -> bool {
    text.as_ref().is_some_and(|text| !text.is_empty())
}

/// Checks the topics of an agent. Source: the framework splits the name at commas.
fn check_topic_names(topic: &InputTopic, at: &Path, found: &mut Findings) {
    let Some(name) = topic.name.as_deref().filter(|name| !name.is_empty()) else { return };
    if topic.names().next().is_none() {
        found.invalid(rule::TOPIC_NAME, at.child("name"), name, TOPIC_NAME);
    }
    for name in topic.names() {
        check_topic_name(Some(name), at, found);
    }
}

fn check_topic_name(name: Option<&str>, at: &Path, found: &mut Findings) {
    if let Some(name) = name
        && !name.is_empty()
        && !shared::is_topic_name(name)
    {
        found.invalid(rule::TOPIC_NAME, at.child("name"), name, TOPIC_NAME);
    }
}

fn check_sizes(
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
