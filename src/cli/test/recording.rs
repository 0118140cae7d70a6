//! `--record`: writes what came into tests that expect nothing, for a person to review.

use std::fs;

use serde_json::{Map, Value, json};

use super::{
    error::TestError,
    file::TestCase,
    files::TestSource,
    messages::record,
    outcome::{End, Outcome},
    result::TestResult,
    verdict::table_value,
};
use crate::{cli::validate::Locator, validate::Path};

/// Writes `expect` into each test of a file that has none. Returns the number of these tests.
///
/// # Errors
///
/// The file cannot be written, or a test is not written as a block.
pub(super) fn record_file(source: &TestSource, results: &[&TestResult]) -> Result<usize, TestError> {
    let failed = |why: String| TestError::Record { path: source.path.clone(), why };
    let mut text = source.input.text().to_owned();
    let locator = Locator::new(source.input.text());
    let mut recorded = 0;
    // From the end, so that the places of the tests before it stay.
    for result in results.iter().rev() {
        let End::Completed(outcome) = &result.end else { continue };
        let case = &source.content.tests[result.test.case];
        let at = Path::root().child("tests").index(result.test.case);
        let Some((bytes, column)) = locator.block(&at.segments()) else {
            return Err(failed(format!("test '{}' must be written as a block, without braces", case.name)));
        };
        if has_expectation(&locator, &at) {
            continue;
        }
        let expect = json!({ "expect": expectation(case, outcome) });
        let yaml = serde_saphyr::to_string(&expect).map_err(|error| failed(error.to_string()))?;
        let indent = " ".repeat(column);
        let lines: String = yaml.trim_end().lines().map(|line| format!("\n{indent}{line}")).collect();
        text.insert_str(bytes.start + text[bytes].trim_end().len(), &lines);
        recorded += 1;
    }
    if recorded > 0 {
        fs::write(&source.path, text).map_err(|error| failed(error.to_string()))?;
    }
    Ok(recorded)
}

/// Returns whether a test has `expect`.
fn has_expectation(locator: &Locator<'_>, at: &Path) -> bool {
    locator.contains(&at.child("expect").segments())
}

/// Returns what came of a test, as a test file has it.
fn expectation(case: &TestCase, outcome: &Outcome) -> Value {
    let mut expect = Map::new();
    let mut topics = Map::new();
    for sent in &outcome.sends {
        let messages = topics.entry(sent.topic.clone()).or_insert_with(|| json!([]));
        messages.as_array_mut().into_iter().for_each(|messages| messages.push(record(sent)));
    }
    let tables = outcome.tables.iter().filter(|(_, entries)| !entries.is_empty());
    let tables: Map<String, Value> = tables
        .map(|(name, entries)| {
            let is_list = entries.iter().any(|(key, _)| !key.is_string());
            (name.clone(), table_value(entries, is_list))
        })
        .collect();
    if !topics.is_empty() {
        expect.insert("topics".to_owned(), Value::Object(topics));
    }
    if !tables.is_empty() {
        expect.insert("tables".to_owned(), Value::Object(tables));
    }
    if let Some(response) = outcome.responses.last() {
        expect.insert("status".to_owned(), json!(response.status));
        expect.insert("body".to_owned(), response.body.clone());
    }
    let step = case.request_step();
    let raised = outcome.errors.iter().filter(|error| case.request.is_none() || error.step != step);
    let raised: Vec<Value> = raised
        .map(|error| {
            let fields = json!({
                "type": error.kind, "message": error.message, "operation": error.operation, "line": error.line,
            });
            let given = fields.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
            Value::Object(given.map(|(name, value)| (name.clone(), value.clone())).collect())
        })
        .collect();
    match raised.as_slice() {
        [] => {}
        [only] => _ = expect.insert("error".to_owned(), only.clone()),
        _ => _ = expect.insert("errors".to_owned(), Value::Array(raised)),
    }
    Value::Object(expect)
}
