//! Comparison of what a test expects with what came. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    file::{ErrorFields, ExpectedError, TestCase},
    matcher::{InvalidMatcher, Matcher},
    messages::{message_matchers, record},
    outcome::{End, Outcome, Raised, Response},
};

/// A difference between what a test expects and what came.
#[derive(Debug)]
pub(super) struct Failure {
    /// What differs, such as `topics.orders`.
    pub what: String,
    /// The rest of the sentence.
    pub message: String,
    /// The expected and the actual value, if they can be shown next to each other.
    pub values: Option<(Value, Value)>,
    /// Indexes of exceptions that the failure is about.
    pub errors: Vec<usize>,
}

impl Failure {
    fn new(what: impl Into<String>, message: impl Into<String>) -> Self {
        Self { what: what.into(), message: message.into(), values: None, errors: Vec::new() }
    }
}

/// Returns the failures of a test; none if it passed.
#[must_use]
pub(super) fn failures(case: &TestCase, end: &End) -> Vec<Failure> {
    match end {
        End::TimedOut(limit) => {
            vec![Failure::new("time", format!("did not end within {} s", limit.as_secs_f64()))]
        }
        End::Died(how) => vec![Failure::new("process", format!("ended Python: {how}"))],
        End::Completed(outcome) => {
            let mut failures = Vec::new();
            if let Some(why) = &outcome.stopped {
                let mut failure = Failure::new("test", why.clone());
                failure.errors = (0..outcome.errors.len()).collect();
                failures.push(failure);
            } else {
                check_errors(case, outcome, &mut failures);
            }
            check_topics(case, outcome, &mut failures);
            check_tables(case, outcome, &mut failures);
            check_response(case, outcome, &mut failures);
            failures
        }
    }
}

fn check_errors(case: &TestCase, outcome: &Outcome, failures: &mut Vec<Failure>) {
    let expect = &case.expect;
    let expected: Option<Vec<&ExpectedError>> = expect
        .errors
        .as_ref()
        .map(|all| all.iter().collect())
        .or_else(|| expect.error.as_ref().map(|one| vec![one]));
    // A webview answers with the exception, which `status` and `body` describe.
    let is_relevant =
        |error: &Raised| expected.is_some() || case.request.is_none() || error.step != case.request_step();
    let raised: Vec<usize> = (0..outcome.errors.len()).filter(|i| is_relevant(&outcome.errors[*i])).collect();
    let expected = expected.unwrap_or_default();
    if expected.is_empty() && !raised.is_empty() {
        let mut failure = Failure::new("error", "the code raised an exception");
        failure.errors = raised;
        failures.push(failure);
        return;
    }
    for (i, expected) in expected.iter().enumerate() {
        let Some(error) = raised.get(i).map(|i| &outcome.errors[*i]) else {
            failures.push(Failure::new(
                "error",
                format!("expected {}, but no exception came", written(expected)),
            ));
            continue;
        };
        if let Some(difference) = difference(expected, error) {
            let mut failure = Failure::new("error", difference);
            failure.errors.push(raised[i]);
            failures.push(failure);
        }
    }
    if let Some(more) = raised.get(expected.len()..).filter(|more| !more.is_empty() && !expected.is_empty()) {
        let mut failure = Failure::new("error", "the code raised more exceptions than expected");
        failure.errors = more.to_vec();
        failures.push(failure);
    }
}

/// Returns how an exception differs from the expected one.
fn difference(expected: &ExpectedError, error: &Raised) -> Option<String> {
    let kind = |kind: &str| {
        let is = error.kind == kind || error.kind.rsplit('.').next() == Some(kind);
        (!is).then(|| format!("expected {kind}, but {} came", error.kind))
    };
    let ErrorFields { kind: of_kind, message, component, operation, line } = match expected {
        ExpectedError::Type(name) => return kind(name),
        ExpectedError::Fields(fields) => fields,
    };
    let field = |name: &str, expected: Option<String>, got: Option<String>| {
        let expected = expected.filter(|expected| got.as_ref() != Some(expected))?;
        Some(format!("expected {name} {expected}, but it is {}", got.unwrap_or_else(|| "unknown".to_owned())))
    };
    let of_message = || {
        let matcher = Matcher::parse(message.as_ref()?).ok()?;
        let got = Value::from(error.message.as_str());
        (!matcher.matches(&got))
            .then(|| format!("expected the message {}, but it is {got}", matcher.shown(&got)))
    };
    of_kind.as_deref().and_then(kind).or_else(of_message).or_else(|| {
        let name = error.component.as_ref().map(|component| component.name.clone());
        field("component", component.clone(), name)
            .or_else(|| field("operation", operation.clone(), error.operation.clone()))
            .or_else(|| {
                field("line", line.map(|line| line.to_string()), error.line.map(|line| line.to_string()))
            })
    })
}

fn written(expected: &ExpectedError) -> String {
    match expected {
        ExpectedError::Type(kind) => kind.clone(),
        ExpectedError::Fields(fields) => fields.kind.clone().unwrap_or_else(|| "an exception".to_owned()),
    }
}

fn check_topics(case: &TestCase, outcome: &Outcome, failures: &mut Vec<Failure>) {
    for (topic, expected) in &case.expect.topics {
        let sent = outcome.sends.iter().filter(|sent| sent.topic == *topic);
        let got = Value::Array(sent.map(record).collect());
        compare(&format!("topics.{topic}"), message_matchers(expected), got, failures);
    }
}

fn check_tables(case: &TestCase, outcome: &Outcome, failures: &mut Vec<Failure>) {
    for (table, expected) in &case.expect.tables {
        let entries = outcome.tables.get(table).map(Vec::as_slice).unwrap_or_default();
        let is_list = expected.is_array()
            || expected.pointer("/$contains").is_some_and(Value::is_array)
            || expected.pointer("/$unordered").is_some();
        compare(
            &format!("tables.{table}"),
            Matcher::parse(expected),
            table_value(entries, is_list),
            failures,
        );
    }
}

/// Returns the content of a table as it is written in a test file: as a map if all keys are strings or the test
/// expects one.
#[must_use]
pub(super) fn table_value(entries: &[(Value, Value)], is_list: bool) -> Value {
    if is_list {
        return entries.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    }
    let text = |key: &Value| key.as_str().map_or_else(|| key.to_string(), str::to_owned);
    Value::Object(entries.iter().map(|(key, value)| (text(key), value.clone())).collect())
}

fn check_response(case: &TestCase, outcome: &Outcome, failures: &mut Vec<Failure>) {
    let expect = &case.expect;
    if case.request.is_none() {
        return;
    }
    let before = failures.len();
    let response = outcome.responses.last();
    let got = |value: Option<Value>| value.unwrap_or(Value::Null);
    if let Some(status) = &expect.status {
        let status_got = got(response.and_then(|response| Some(response.status?.into())));
        compare("status", Matcher::parse(status), status_got, failures);
    }
    if !expect.headers.is_empty() {
        let names = expect.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
        let names: Map<_, _> = names.collect();
        let headers = response.map(|response| json!(headers(response, &names)));
        let wanted = json!({ "$contains": names });
        compare("headers", Matcher::parse(&wanted), got(headers), failures);
    }
    if let Some(body) = &expect.body {
        compare("body", Matcher::parse(body), got(response.map(|response| response.body.clone())), failures);
    }
    // The exception explains the difference.
    if failures.len() > before && expect.error.is_none() && expect.errors.is_none() {
        let step = case.request_step();
        let of_request = (0..outcome.errors.len()).filter(|i| outcome.errors[*i].step == step);
        if let Some(failure) = failures.last_mut() {
            failure.errors.extend(of_request);
        }
    }
}

/// Returns the headers of a response. The content type has no parameters if the expected one has none: the framework
/// adds the character set.
fn headers<'a>(response: &'a Response, expected: &Map<String, Value>) -> BTreeMap<&'a str, Value> {
    const CONTENT_TYPE: &str = "content-type";
    let is_bare =
        expected.get(CONTENT_TYPE).and_then(Value::as_str).is_some_and(|given| !given.contains(';'));
    let value = |name: &str, value: &Value| match value.as_str().and_then(|text| text.split(';').next()) {
        Some(bare) if is_bare && name == CONTENT_TYPE => Value::from(bare),
        _ => value.clone(),
    };
    response.headers.iter().map(|(name, given)| (name.as_str(), value(name, given))).collect()
}

fn compare(what: &str, expected: Result<Matcher, InvalidMatcher>, got: Value, failures: &mut Vec<Failure>) {
    match expected {
        Ok(matcher) if matcher.matches(&got) => {}
        Ok(matcher) => {
            let values = Some((matcher.shown(&got), got));
            failures.push(Failure { values, ..Failure::new(what, "differs") });
        }
        // Reported before the test ran.
        Err(why) => failures.push(Failure::new(what, why.to_string())),
    }
}
