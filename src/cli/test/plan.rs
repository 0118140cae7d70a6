//! From test files and manifests to the input of the harness.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Map, Value, json};

use super::{
    app::App,
    file::{ExpectedError, Message, TestCase, TestFile},
    files::{TestSource, locate},
    matcher::{InvalidMatcher, Matcher},
    messages::message_matchers,
};
use crate::{
    api::Kind,
    cli::validate::{AppKey, Finding},
    validate::{Path, nearest},
};

/// Tests of any number of apps, in the order in which they run.
#[derive(Debug, Default)]
pub(super) struct TestPlan {
    /// Apps as the harness takes them, by their ids.
    pub apps: BTreeMap<String, Value>,
    /// The tests.
    pub tests: Vec<PlannedTest>,
    /// Directory of packages.
    pub packages: Option<PathBuf>,
}

/// A test.
#[derive(Debug)]
pub(super) struct PlannedTest {
    /// Index of the test file.
    pub source: usize,
    /// Index of the test in its file.
    pub case: usize,
    /// Namespace and name of the app.
    pub app: AppKey,
    /// The test as the harness takes it.
    pub steps: Value,
}

impl TestPlan {
    /// Adds the tests of a file whose names contain `filter`. `set` names the manifests of `apps`.
    ///
    /// # Errors
    ///
    /// The file names an app, topic, channel, table, task or matcher that does not exist: a finding for each.
    pub(super) fn add(
        &mut self,
        (index, source): (usize, &TestSource),
        set: usize,
        apps: &BTreeMap<AppKey, App>,
        filter: &str,
    ) -> Result<(), Vec<Finding>> {
        let text = source.input.text();
        let (key, app) = match find_app(&source.content, apps) {
            Ok(found) => found,
            Err((path, why)) => return Err(vec![locate(text, &path, why)]),
        };
        let names = AppNames::of(app);
        let mut problems = Problems::default();
        let id = format!("{set}/{}/{}", key.0, key.1);
        for (i, case) in source.content.tests.iter().enumerate() {
            problems.check(case, &names, &Path::root().child("tests").index(i));
            if case.name.contains(filter) {
                let steps = steps(&id, case);
                self.add_test(PlannedTest { source: index, case: i, app: key.clone(), steps });
            }
        }
        self.apps.entry(id).or_insert_with(|| app.to_json());
        match problems.0 {
            found if found.is_empty() => Ok(()),
            found => Err(found.into_iter().map(|(path, why)| locate(text, &path, why)).collect()),
        }
    }
}

impl TestPlan {
    /// Adds a test; its id is its place in the plan.
    pub(super) fn add_test(&mut self, mut test: PlannedTest) {
        test.steps["id"] = json!(self.tests.len());
        self.tests.push(test);
    }
}

/// Returns the app of a test file, or why it has none.
fn find_app<'a>(
    file: &TestFile,
    apps: &'a BTreeMap<AppKey, App>,
) -> Result<(&'a AppKey, &'a App), (Path, String)> {
    let existing = || apps.iter().filter(|(_, app)| app.exists);
    let is_named = |(namespace, name): &AppKey| {
        file.app.as_ref().is_none_or(|app| app == name)
            && file.namespace.as_ref().is_none_or(|given| given == namespace)
    };
    let found: Vec<_> = existing().filter(|(key, _)| is_named(key)).collect();
    let at = Path::root().child("app");
    match (found.as_slice(), &file.app) {
        ([only], _) => Ok(*only),
        ([], Some(app)) => {
            let names = existing().map(|((_, name), _)| name.as_str());
            Err((at, format!("the manifests have no KasprApp '{app}'{}", suggestion(app, names))))
        }
        ([], None) => Err((at, "the manifests have no KasprApp".to_owned())),
        ([_, ..], Some(_)) => {
            Err((at, "several namespaces have a KasprApp of this name: set 'namespace'".to_owned()))
        }
        ([_, ..], None) => {
            let names: Vec<&str> = found.iter().map(|((_, name), _)| name.as_str()).collect();
            Err((at, format!("the manifests have several apps: set 'app' to one of {}", names.join(", "))))
        }
    }
}

/// Returns `: did you mean 'x'?`, or the names that exist.
fn suggestion<'a>(given: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(given, names.clone()) {
        Some(near) => format!(": did you mean '{near}'?"),
        None => {
            let mut names: Vec<&str> = names.collect();
            names.sort_unstable();
            names.dedup();
            if names.is_empty() { String::new() } else { format!(": it has {}", names.join(", ")) }
        }
    }
}

/// Names that tests of an app may use.
struct AppNames<'a> {
    tables: Vec<&'a str>,
    tasks: Vec<&'a str>,
    channels: Vec<&'a str>,
    /// Topics that agents read.
    inputs: Vec<&'a str>,
    /// Topics that components send to, except those that code selects.
    outputs: Vec<&'a str>,
    has_webview: bool,
}

impl<'a> AppNames<'a> {
    fn of(app: &'a App) -> Self {
        Self {
            tables: app.names(Kind::Table).collect(),
            tasks: app.names(Kind::Task).collect(),
            channels: app.channels(),
            inputs: app.input_topics(),
            outputs: app.output_topics(),
            has_webview: app.names(Kind::WebView).next().is_some(),
        }
    }
}

/// Problems of a test file.
#[derive(Default)]
struct Problems(Vec<(Path, String)>);

impl Problems {
    /// Checks the names and matchers of a test.
    fn check(&mut self, case: &TestCase, names: &AppNames<'_>, at: &Path) {
        for name in case.tables.keys() {
            self.check_name(name, "table", &names.tables, at.child("tables").child(name.clone()));
        }
        for (i, message) in case.send.iter().enumerate() {
            self.check_message(message, names, &at.child("send").index(i));
        }
        if let Some(run) = &case.run {
            self.check_name(&run.task, "task", &names.tasks, at.child("run").child("task"));
        }
        if case.request.is_some() && !names.has_webview {
            self.0.push((at.child("request"), "the app has no webview".to_owned()));
        }
        let expect = at.child("expect");
        if case.request.is_none() && (case.expect.status.is_some() || case.expect.body.is_some()) {
            self.0.push((expect.clone(), "'status' and 'body' need a request".to_owned()));
        }
        if case.expect.error.is_some() && case.expect.errors.is_some() {
            self.0.push((expect.child("error"), "must not be set with 'errors'".to_owned()));
        }
        for name in case.expect.tables.keys() {
            self.check_name(name, "table", &names.tables, expect.child("tables").child(name.clone()));
        }
        let topics = expect.child("topics");
        for (name, messages) in &case.expect.topics {
            let at = topics.child(name.clone());
            self.check_matcher(message_matchers(messages), at.clone());
            // A misspelled topic has no messages, as expected.
            let outputs = &names.outputs;
            let near = nearest(name, outputs.iter().copied()).filter(|_| !outputs.contains(&name.as_str()));
            if let Some(near) = near.filter(|_| messages.as_array().is_some_and(Vec::is_empty)) {
                let why = format!("no component of the app sends to topic '{name}': did you mean '{near}'?");
                self.0.push((at, why));
            }
        }
        for (value, at) in values_of(case, &expect) {
            self.check_matcher(Matcher::parse(value), at);
        }
    }

    fn check_message(&mut self, message: &Message, names: &AppNames<'_>, at: &Path) {
        match (&message.topic, &message.channel) {
            (Some(topic), None) => {
                if !names.inputs.contains(&topic.as_str()) {
                    let hint = suggestion(topic, names.inputs.iter().copied());
                    self.0.push((
                        at.child("topic"),
                        format!("no agent of the app reads topic '{topic}'{hint}"),
                    ));
                }
            }
            (None, Some(channel)) => {
                self.check_name(channel, "channel", &names.channels, at.child("channel"));
            }
            _ => self.0.push((at.clone(), "must have a topic or a channel".to_owned())),
        }
    }

    fn check_name(&mut self, name: &str, what: &str, known: &[&str], at: Path) {
        if !known.contains(&name) {
            let hint = suggestion(name, known.iter().copied());
            self.0.push((at, format!("the app has no {what} '{name}'{hint}")));
        }
    }

    fn check_matcher(&mut self, parsed: Result<Matcher, InvalidMatcher>, at: Path) {
        self.0.extend(parsed.err().map(|why| (at, why.to_string())));
    }
}

/// Returns the expected values that may contain matchers, with their paths.
fn values_of<'a>(case: &'a TestCase, at: &Path) -> Vec<(&'a Value, Path)> {
    let expect = &case.expect;
    let entries = |field: &'static str, values: &'a BTreeMap<String, Value>| {
        let at = at.child(field);
        values.iter().map(move |(name, value)| (value, at.child(name.clone())))
    };
    let message = |error: &'a ExpectedError, at: &Path| {
        error.fields().and_then(|fields| Some((fields.message.as_ref()?, at.child("message"))))
    };
    let mut values: Vec<(&Value, Path)> = entries("tables", &expect.tables).collect();
    values.extend(entries("headers", &expect.headers));
    values.extend(expect.status.iter().map(|value| (value, at.child("status"))));
    values.extend(expect.body.iter().map(|value| (value, at.child("body"))));
    values.extend(expect.error.iter().filter_map(|error| message(error, &at.child("error"))));
    let errors = expect.errors.iter().flatten().enumerate();
    values.extend(errors.filter_map(|(i, error)| message(error, &at.child("errors").index(i))));
    values
}

/// Returns a test as the harness takes it.
fn steps(app: &str, case: &TestCase) -> Value {
    let tables: Map<String, Value> =
        case.tables.iter().map(|(name, content)| (name.clone(), json!(content.entries()))).collect();
    let sends = case.send.iter().map(|message| json!({ "send": without_nulls(message) }));
    let run = case.run.iter().map(|run| json!({ "run": { "task": run.task } }));
    let request = case.request.iter().map(|request| {
        json!({ "request": {
            "method": request.method, "path": request.path, "headers": request.headers, "body": request.body,
        }})
    });
    let steps: Vec<Value> = sends.chain(run).chain(request).collect();
    json!({ "app": app, "tables": tables, "steps": steps })
}

/// Returns a message with the fields that are given.
fn without_nulls(message: &Message) -> Value {
    let Message { topic, channel, key, value, headers, partition, timestamp } = message;
    let mut fields =
        json!({ "topic": topic, "channel": channel, "partition": partition, "timestamp": timestamp });
    if let Some(fields) = fields.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
        fields.extend(key.clone().map(|key| ("key".to_owned(), key)));
        fields.extend(value.clone().map(|value| ("value".to_owned(), value)));
        fields.insert("headers".to_owned(), json!(headers));
    }
    fields
}
