//! Results as human-readable text.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::{
    outcome::{End, Outcome},
    report::TestReport,
    result::TestResult,
    verdict::Failure,
};

/// Style of what passed.
const PASSED: Style = AnsiColor::Green.on_default();
/// Style of what failed.
const FAILED: Style = AnsiColor::Red.on_default();
/// Style of names of files.
const FILE: Style = Style::new().bold();

/// Prints each test, what differs, and a summary.
///
/// # Errors
///
/// The output cannot be written.
pub(super) fn print_human(report: &TestReport<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut file = "";
    for result in report.results {
        if report.file(result) != file {
            file = report.file(result);
            writeln!(out, "{FILE}{file}{FILE:#}")?;
        }
        print_test(report, result, out)?;
    }
    for unreached in report.unreached.into_iter().flatten() {
        let place = unreached.place.as_ref().map(|place| format!("{}:{}: ", place.file, place.line));
        let (kind, name) = (&unreached.component.kind, &unreached.component.name);
        writeln!(
            out,
            "not covered: {}{kind} {name}: {}: {}",
            place.unwrap_or_default(),
            unreached.field,
            unreached.what
        )?;
    }
    let (all, failed) = (report.results.len(), report.failed());
    let seconds = report.duration.as_secs_f64();
    let style = if failed == 0 { PASSED } else { FAILED };
    let tests = if all == 1 { "1 test" } else { &format!("{all} tests") };
    writeln!(out, "{style}{tests}: {} passed, {failed} failed{style:#} ({seconds:.2} s)", all - failed)
}

fn print_test(report: &TestReport<'_>, result: &TestResult, out: &mut impl Write) -> io::Result<()> {
    let name = &report.case(result).name;
    if result.failures.is_empty() {
        return writeln!(out, "  {PASSED}passed{PASSED:#}  {name}");
    }
    writeln!(out, "  {FAILED}FAILED{FAILED:#}  {name}  ({}:{})", report.file(result), report.line(result))?;
    print_failures(report, result, out)
}

/// Prints what differs in a test.
///
/// # Errors
///
/// The output cannot be written.
pub(super) fn print_failures(
    report: &TestReport<'_>,
    result: &TestResult,
    out: &mut impl Write,
) -> io::Result<()> {
    for failure in &result.failures {
        print_failure(report, result, failure, out)?;
    }
    if let End::Completed(outcome) = &result.end
        && !outcome.output.trim().is_empty()
    {
        writeln!(out, "    the code printed:")?;
        outcome.output.trim_end().lines().try_for_each(|line| writeln!(out, "      {line}"))?;
    }
    Ok(())
}

fn print_failure(
    report: &TestReport<'_>,
    result: &TestResult,
    failure: &Failure,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "    {}: {}", failure.what, failure.message)?;
    if let Some((expected, got)) = &failure.values {
        print_difference(expected, got, out)?;
    }
    let End::Completed(outcome) = &result.end else { return Ok(()) };
    failure.errors.iter().try_for_each(|error| print_error(report, result, outcome, *error, out))
}

/// Prints the lines of two values: `-` is expected and missing, `+` came instead.
fn print_difference(expected: &Value, got: &Value, out: &mut impl Write) -> io::Result<()> {
    let text = |value: &Value| serde_saphyr::to_string(value).map_err(io::Error::other);
    let (expected, got) = (text(expected)?, text(got)?);
    writeln!(out, "      {FAILED}- expected{FAILED:#}  {PASSED}+ got{PASSED:#}")?;
    for change in TextDiff::from_lines(&expected, &got).iter_all_changes() {
        let line = change.value().trim_end();
        match change.tag() {
            ChangeTag::Equal => writeln!(out, "        {line}")?,
            ChangeTag::Delete => writeln!(out, "      {FAILED}- {line}{FAILED:#}")?,
            ChangeTag::Insert => writeln!(out, "      {PASSED}+ {line}{PASSED:#}")?,
        }
    }
    Ok(())
}

fn print_error(
    report: &TestReport<'_>,
    result: &TestResult,
    outcome: &Outcome,
    error: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let Some(raised) = outcome.errors.get(error) else { return Ok(()) };
    writeln!(out, "      {}: {}", raised.kind, raised.message)?;
    if raised.kind == "ModuleNotFoundError" && !report.packages {
        writeln!(out, "        to import the Python packages of the app, run the tests with --packages")?;
    }
    for call in report.calls(result, error) {
        let function = Some(&call.function).filter(|name| !name.is_empty());
        let function = function.map(|name| format!(", in {name}")).unwrap_or_default();
        writeln!(out, "        at {}:{}{function}", call.place.file, call.place.line)?;
        if !call.place.text.is_empty() {
            writeln!(out, "          {}", call.place.text)?;
        }
    }
    if let Some(component) = &raised.component {
        let operation = raised.operation.as_ref().map(|name| format!(", operation {name}"));
        writeln!(out, "        in {} {}{}", component.kind, component.name, operation.unwrap_or_default())?;
    }
    Ok(())
}
