//! Results as JSON, JUnit XML and GitHub workflow commands.

use std::{
    io::{self, Write},
    time::Duration,
};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};

use super::{outcome::End, report::TestReport, result::TestResult};
use crate::cli::validate::{escape_data, escape_property};

/// Prints one JSON object per line for each test.
///
/// # Errors
///
/// The output cannot be written.
pub(super) fn print_json(report: &TestReport<'_>, out: &mut impl Write) -> io::Result<()> {
    for result in report.results {
        let failures: Vec<Value> = result
            .failures
            .iter()
            .map(|failure| {
                let values = failure.values.as_ref();
                json!({
                    "what": failure.what,
                    "message": failure.message,
                    "expected": values.map(|(expected, _)| expected),
                    "got": values.map(|(_, got)| got),
                })
            })
            .collect();
        let errors = match &result.end {
            End::Completed(outcome) => (0..outcome.errors.len()).map(|i| error(report, result, i)).collect(),
            _ => Vec::new(),
        };
        let object = json!({
            "file": report.file(result),
            "line": report.line(result),
            "name": report.case(result).name,
            "app": result.test.app.1,
            "status": if result.failures.is_empty() { "passed" } else { "failed" },
            "seconds": duration(&result.end).as_secs_f64(),
            "failures": failures,
            "errors": errors,
        });
        writeln!(out, "{object}")?;
    }
    for unreached in report.unreached.into_iter().flatten() {
        let object = json!({
            "notCovered": unreached.field,
            "kind": unreached.component.kind,
            "name": unreached.component.name,
            "file": unreached.place.as_ref().map(|place| &place.file),
            "line": unreached.place.as_ref().map(|place| place.line),
            "message": unreached.what,
        });
        writeln!(out, "{object}")?;
    }
    Ok(())
}

fn error(report: &TestReport<'_>, result: &TestResult, i: usize) -> Value {
    let End::Completed(outcome) = &result.end else { return Value::Null };
    let raised = &outcome.errors[i];
    let calls = report.calls(result, i);
    let place = calls.last().map(|call| &call.place);
    json!({
        "type": raised.kind,
        "message": raised.message,
        "kind": raised.component.as_ref().map(|component| &component.kind),
        "name": raised.component.as_ref().map(|component| &component.name),
        "operation": raised.operation,
        "file": place.map(|place| &place.file),
        "line": place.map(|place| place.line),
    })
}

fn duration(end: &End) -> Duration {
    match end {
        End::Completed(outcome) => Duration::from_secs_f64(outcome.milliseconds.max(0.0) / 1000.0),
        End::TimedOut(limit) => *limit,
        End::Died(_) => Duration::ZERO,
    }
}

/// Prints a report in the format of JUnit: a test suite for each file.
///
/// # Errors
///
/// The output cannot be written.
pub(super) fn print_junit(report: &TestReport<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut junit = Report::new("kaspr-operator test");
    junit.set_time(report.duration);
    for (index, source) in report.sources.iter().enumerate() {
        let mut suite = TestSuite::new(source.input.name.clone());
        for result in report.results.iter().filter(|result| result.test.source == index) {
            let mut case = TestCase::new(report.case(result).name.clone(), TestCaseStatus::success());
            if !result.failures.is_empty() {
                let mut failed = TestCaseStatus::non_success(NonSuccessKind::Failure);
                failed.set_message(one_line(result)).set_description(explain(report, result)?);
                case.status = failed;
            }
            case.set_time(duration(&result.end)).set_classname(source.input.name.clone());
            if let End::Completed(outcome) = &result.end
                && !outcome.output.is_empty()
            {
                case.set_system_out(outcome.output.clone());
            }
            suite.add_test_case(case);
        }
        junit.add_test_suite(suite);
    }
    junit.serialize(&mut *out).map_err(io::Error::other)?;
    writeln!(out)
}

/// Returns what differs as it is shown on a terminal.
fn explain(report: &TestReport<'_>, result: &TestResult) -> io::Result<String> {
    let mut text = Vec::new();
    super::human_format::print_failures(report, result, &mut anstream::StripStream::new(&mut text))?;
    String::from_utf8(text).map_err(io::Error::other)
}

/// Prints a workflow command for each failure, at the line of the exception or of the test.
///
/// # Errors
///
/// The output cannot be written.
pub(super) fn print_github(report: &TestReport<'_>, out: &mut impl Write) -> io::Result<()> {
    for result in report.results.iter().filter(|result| !result.failures.is_empty()) {
        let error = result.failures.iter().find_map(|failure| failure.errors.first());
        let place = error.and_then(|error| Some(report.calls(result, *error).pop()?.place));
        let (file, line) = place.map_or_else(
            || (report.file(result).to_owned(), report.line(result)),
            |place| (place.file, place.line),
        );
        writeln!(
            out,
            "::error file={},line={line},title={}::{}",
            escape_property(&file),
            escape_property(&format!("test failed: {}", report.case(result).name)),
            escape_data(explain(report, result)?.trim_end()),
        )?;
    }
    Ok(())
}

/// Returns what differs, on one line.
fn one_line(result: &TestResult) -> String {
    let all: Vec<String> =
        result.failures.iter().map(|failure| format!("{}: {}", failure.what, failure.message)).collect();
    all.join("; ")
}
