//! Findings as JSON, SARIF and GitHub workflow commands.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{finding::Finding, validation_report::ValidationReport};
use crate::validate::rule::{self, Rule};

/// Reference of the rules, relative to the root of the project.
const REFERENCE: &str = "docs/rules.md";

/// Prints one JSON object per line for each finding.
pub(super) fn print_json(report: &ValidationReport<'_>, out: &mut impl Write) -> io::Result<()> {
    for finding in report.findings {
        let (line, column) = report.position(finding);
        let resource = finding.resource.as_ref();
        let object = json!({
            "file": report.input_name(finding),
            "line": line,
            "column": column,
            "kind": resource.map(|resource| &resource.kind),
            "namespace": resource.map(|resource| &resource.namespace),
            "name": resource.map(|resource| &resource.name),
            "field": finding.field,
            "severity": finding.severity.name(),
            "rule": finding.rule.id,
            "message": finding.message,
        });
        writeln!(out, "{object}")?;
    }
    Ok(())
}

/// Prints a log in the Static Analysis Results Interchange Format, version 2.1.0.
pub(super) fn print_sarif(report: &ValidationReport<'_>, out: &mut impl Write) -> io::Result<()> {
    let results: Vec<Value> = report.findings.iter().map(|finding| sarif_result(report, finding)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "kaspr-operator",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rule::all().map(sarif_rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    writeln!(out, "{log:#}")
}

fn sarif_result(report: &ValidationReport<'_>, finding: &Finding) -> Value {
    let (line, column) = report.position(finding);
    let length = report.inputs[finding.input].text()[finding.bytes.clone()].chars().count();
    json!({
        "ruleId": finding.rule.id,
        "ruleIndex": rule::all().position(|rule| rule == finding.rule),
        "level": finding.severity.name(),
        "message": { "text": one_line(finding) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": report.input_name(finding) },
            "region": { "startLine": line, "startColumn": column, "endColumn": column + length },
        }}],
    })
}

/// Prints workflow commands, which annotate the lines of a pull request.
pub(super) fn print_github(report: &ValidationReport<'_>, out: &mut impl Write) -> io::Result<()> {
    for finding in report.findings {
        let (line, column) = report.position(finding);
        writeln!(
            out,
            "::{} file={},line={line},col={column},title={}::{}",
            finding.severity.name(),
            escape_property(report.input_name(finding)),
            escape_property(finding.rule.id),
            escape_data(&one_line(finding)),
        )?;
    }
    Ok(())
}

fn sarif_rule(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": format!("{} {}", rule.summary, rule.reason) },
        "help": { "text": format!("{} See {REFERENCE}.", rule.remedy) },
    })
}

/// Formats a finding as one line.
fn one_line(finding: &Finding) -> String {
    let resource = finding.resource.as_ref().map(|resource| format!("{} {}: ", resource.kind, resource.name));
    let field = Some(&finding.field).filter(|field| !field.is_empty()).map(|field| format!("{field}: "));
    format!("{}{}{}", resource.unwrap_or_default(), field.unwrap_or_default(), finding.message)
}

/// Escapes the message of a workflow command.
#[must_use]
pub(in crate::cli) fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a workflow command.
#[must_use]
pub(in crate::cli) fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}
