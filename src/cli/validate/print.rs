//! Findings in the form that was asked for.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use super::{Finding, Format, Severity, read::Input};
use crate::validate::rule::{self, Rule};

/// Where the rules are explained, from the root of the project.
const REFERENCE: &str = "docs/rules.md";

/// Everything that is printed.
pub struct Printer<'a> {
    pub inputs: &'a [Input],
    pub findings: &'a [Finding],
    /// How many documents were judged.
    pub documents: usize,
}

impl Printer<'_> {
    /// Prints in the form; `terminal` says whether colours are understood.
    pub fn print(&self, format: Format, terminal: bool, out: &mut impl Write) -> io::Result<()> {
        match format {
            Format::Human => self.human(out, terminal),
            Format::Json => self.json(out),
            Format::Sarif => self.sarif(out),
            Format::Github => self.github(out),
        }
    }

    /// For people, in colour on a terminal.
    fn human(&self, out: &mut impl Write, terminal: bool) -> io::Result<()> {
        let renderer = if terminal { Renderer::styled() } else { Renderer::plain() };
        for finding in self.findings {
            writeln!(out, "{}\n", renderer.render(&[self.report(finding)]))?;
        }
        let count = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        writeln!(
            out,
            "{}, {}, {}",
            plural(self.documents, "document"),
            plural(errors, "error"),
            plural(warnings, "warning")
        )
    }

    fn report<'a>(&'a self, finding: &'a Finding) -> Group<'a> {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = match &finding.resource {
            Some(resource) => {
                Cow::Owned(format!("{} {}/{}", resource.kind, resource.namespace, resource.name))
            }
            None => Cow::Borrowed(self.name(finding)),
        };
        let label = match finding.field.as_str() {
            "" => Cow::Borrowed(finding.message.as_str()),
            field => Cow::Owned(format!("{field}: {}", finding.message)),
        };
        let report = level.primary_title(title).id(finding.rule.id);
        let Ok(text) = &self.inputs[finding.input].content else {
            return report.element(Level::NOTE.message(label));
        };
        // The lines context it would drown it, and cutting them here keeps large files fast.
        let (first, start) = self.inputs[finding.input].line(finding.bytes.start);
        let end =
            text[finding.bytes.end..].find('\n').map_or(text.len(), |length| finding.bytes.end + length);
        let bytes = finding.bytes.start - start..finding.bytes.end - start;
        report.element(
            Snippet::source(&text[start..end])
                .path(self.name(finding))
                .line_start(first)
                .annotation(AnnotationKind::Primary.span(bytes).label(label)),
        )
    }

    /// An object a line for each finding.
    fn json(&self, out: &mut impl Write) -> io::Result<()> {
        for finding in self.findings {
            let (line, column) = self.place(finding);
            let resource = finding.resource.as_ref();
            let object = json!({
                "file": self.name(finding),
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

    /// A log of the Static Analysis Results Interchange Format, version 2.1.0.
    fn sarif(&self, out: &mut impl Write) -> io::Result<()> {
        let results: Vec<Value> = self.findings.iter().map(|finding| self.sarif_result(finding)).collect();
        let log = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "kaspr-operator",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rule::ALL.iter().map(|rule| sarif_rule(rule)).collect::<Vec<_>>(),
                }},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }],
        });
        writeln!(out, "{log:#}")
    }

    fn sarif_result(&self, finding: &Finding) -> Value {
        let (line, column) = self.place(finding);
        let length = self.inputs[finding.input].text()[finding.bytes.clone()].chars().count();
        json!({
            "ruleId": finding.rule.id,
            "ruleIndex": rule::ALL.iter().position(|rule| *rule == finding.rule),
            "level": finding.severity.name(),
            "message": { "text": sentence(finding) },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": self.name(finding) },
                "region": { "startLine": line, "startColumn": column, "endColumn": column + length },
            }}],
        })
    }

    /// Workflow commands, which annotate the lines of a pull request.
    fn github(&self, out: &mut impl Write) -> io::Result<()> {
        for finding in self.findings {
            let (line, column) = self.place(finding);
            writeln!(
                out,
                "::{} file={},line={line},col={column},title={}::{}",
                finding.severity.name(),
                property(self.name(finding)),
                property(finding.rule.id),
                data(&sentence(finding)),
            )?;
        }
        Ok(())
    }

    fn name(&self, finding: &Finding) -> &str {
        &self.inputs[finding.input].name
    }

    /// Line and column of a finding, from 1.
    fn place(&self, finding: &Finding) -> (usize, usize) {
        let input = &self.inputs[finding.input];
        let (line, start) = input.line(finding.bytes.start);
        (line, input.text()[start..finding.bytes.start].chars().count() + 1)
    }
}

fn sarif_rule(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": format!("{} {}", rule.summary, rule.reason) },
        "help": { "text": format!("{} See {REFERENCE}.", rule.remedy) },
    })
}

/// A finding in one line.
fn sentence(finding: &Finding) -> String {
    let resource = finding.resource.as_ref().map(|resource| format!("{} {}: ", resource.kind, resource.name));
    let field = Some(&finding.field).filter(|field| !field.is_empty()).map(|field| format!("{field}: "));
    format!("{}{}{}", resource.unwrap_or_default(), field.unwrap_or_default(), finding.message)
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Text as a workflow command takes it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The same for what stands before the text.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
