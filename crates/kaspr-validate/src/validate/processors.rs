//! Rules of pipelines, which agents, tasks and webviews have.

use std::collections::BTreeSet;

use super::{
    findings::Findings,
    path::Path,
    python::{self, CONTEXT_OF_AGENTS, CONTEXT_OF_INIT, Call, Init, Role, is_identifier},
    rule, shared, topic,
    valid::Validate,
};
use crate::api::{Operation, Processors, TableRef};

/// Why a task cannot begin with a topicSend.
///
/// Source: versions of the framework up to 0.11.19 call its predicate without a value.
const TASK_TOPIC_SEND: &str = "may not be the first operation of a task: the framework fails on it, put a map before it that returns the value";

/// Kind of resource that runs a pipeline.
pub(super) enum Caller {
    /// An agent: every operation receives a value.
    Agent,
    /// A task: the first operation receives no value.
    Task,
    /// A webview: the first operation also receives the parameters of the path, if the path is valid.
    WebView(Option<Vec<String>>),
}

/// Validates the pipeline. Returns the names that its `init` binds.
pub(super) fn check_processors(
    processors: &Processors,
    at: &Path,
    caller: &Caller,
    found: &mut Findings,
) -> Init {
    let at_init = at.child("init");
    let context_keys = match caller {
        Caller::Agent => CONTEXT_OF_AGENTS,
        Caller::Task | Caller::WebView(_) => CONTEXT_OF_INIT,
    };
    let init = Init::check(processors.init.as_ref(), context_keys, &at_init, found);
    let pipeline = processors.pipeline.as_deref().unwrap_or_default();
    let used: BTreeSet<&str> = pipeline.iter().map(String::as_str).collect();
    let first = pipeline.first().map(String::as_str);
    let all = processors.operations.iter().flatten();
    let known_names: BTreeSet<&str> = all.filter_map(|operation| operation.name.as_deref()).collect();
    let is_complete = used.iter().all(|step| known_names.contains(step));
    let mut names = BTreeSet::new();
    for (i, operation) in processors.operations.iter().flatten().enumerate() {
        let at = at.child("operations").index(i);
        let name = operation.name.as_deref().unwrap_or_default();
        // An operation that is not in the pipeline is never called.
        let is_used = used.contains(name);
        let is_first = first == Some(name);
        let call = is_used.then(|| call_arguments(operation, caller, is_first)).flatten();
        check_operation(operation, &at, (&init, is_used), call.as_ref(), found);
        if !is_used && !name.is_empty() && !pipeline.is_empty() && is_complete {
            found.warn(
                rule::OPERATION_UNUSED,
                at.child("name"),
                "is not in pipeline: the operation never runs",
            );
        }
        if is_first && matches!(caller, Caller::Task) && operation.topic_send.is_some() {
            found.forbidden(rule::TASK_TOPIC_SEND, at.child("topicSend"), TASK_TOPIC_SEND);
        }
        if !name.is_empty() && !names.insert(name) {
            found.duplicate(rule::OPERATION_NAME, at.child("name"), name);
        }
    }
    init.finish(processors.init.as_ref(), &at_init, found);
    if pipeline.is_empty() {
        found.warn(rule::PIPELINE_EMPTY, at.child("pipeline"), "is empty: nothing is done with the values");
    }
    let known = shared::one_of(names.iter().copied());
    for (i, step) in pipeline.iter().enumerate().filter(|(_, step)| !names.contains(step.as_str())) {
        found.invalid(
            rule::PIPELINE_STEP,
            at.child("pipeline").index(i),
            step.as_str(),
            format!("must name an operation: {known}"),
        );
    }
    init
}

/// Returns the arguments with which the operation's functions are called, if they can be determined.
fn call_arguments(operation: &Operation, caller: &Caller, first: bool) -> Option<Call> {
    let mut call = Call::value();
    for table in operation.tables.iter().flatten() {
        if !is_identifier(&table.param_name) || call.keywords.contains(&table.param_name) {
            return None;
        }
        call.keywords.push(table.param_name.clone());
    }
    match caller {
        Caller::Task if first && operation.topic_send.is_some() => return None,
        Caller::Task => call.value = !first,
        Caller::WebView(parameters) if first => {
            call.parameters.clone_from(parameters.as_ref()?);
            if call.keywords.iter().any(|name| call.parameters.contains(name)) {
                return None;
            }
        }
        Caller::Agent | Caller::WebView(_) => {}
    }
    Some(call)
}

fn check_operation(
    operation: &Operation,
    at: &Path,
    (init, is_used): (&Init, bool),
    call: Option<&Call>,
    found: &mut Findings,
) {
    if operation.name.as_deref().unwrap_or_default().is_empty() {
        found.required(
            rule::OPERATION_NAME,
            at.child("name"),
            "must name the operation, for the pipeline to refer to it",
        );
    }
    let given: Vec<&str> = [
        ("map", operation.map.is_some()),
        ("filter", operation.filter.is_some()),
        ("topicSend", operation.topic_send.is_some()),
    ]
    .into_iter()
    .filter_map(|(field, given)| given.then_some(field))
    .collect();
    match given.as_slice() {
        [] => found.required(rule::OPERATION_KIND, at.clone(), "must give one of map, filter and topicSend"),
        [_] => {}
        [first, more @ ..] => {
            for field in more {
                found.forbidden(
                    rule::OPERATION_KIND,
                    at.child(*field),
                    format!("must not be given together with {first}"),
                );
            }
        }
    }
    let role = |role| if is_used { role } else { Role::Idle };
    python::check(operation.map.as_ref(), &at.child("map"), (init, role(Role::Map)), call, found);
    python::check(operation.filter.as_ref(), &at.child("filter"), (init, role(Role::Filter)), call, found);
    if let Some(topic) = &operation.topic_send {
        // It is unknown whether selectors receive the parameters of a webview's path.
        let call = call.filter(|call| call.parameters.is_empty());
        topic::check_output(topic, &at.child("topicSend"), (init, is_used), call, found);
    }
    let mut parameters = BTreeSet::new();
    for (i, table) in operation.tables.iter().flatten().enumerate() {
        let at = at.child("tables").index(i);
        table.validate(&at, found);
        if !table.param_name.is_empty() && !parameters.insert(&table.param_name) {
            found.duplicate(rule::TABLE_ARGUMENT, at.child("paramName"), &table.param_name);
        }
    }
}

impl Validate for TableRef {
    fn validate(&self, at: &Path, found: &mut Findings) {
        if self.name.is_empty() {
            found.required(
                rule::REQUIRED,
                at.child("name"),
                "must be the name of a KasprTable of the same app",
            );
        }
        if self.param_name.is_empty() {
            found.required(
                rule::REQUIRED,
                at.child("paramName"),
                "must name the argument that gets the table",
            );
        } else if !is_identifier(&self.param_name) {
            found.invalid(
                rule::TABLE_ARGUMENT,
                at.child("paramName"),
                self.param_name.as_str(),
                "must be a Python name that is not a keyword",
            );
        }
    }
}
