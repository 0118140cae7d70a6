//! Findings as human-readable text.

use std::{
    borrow::Cow,
    io::{self, Write},
    ops::Range,
};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{
    finding::{Finding, Severity},
    validation_report::ValidationReport,
};

/// Bytes of a line that are shown before and after a finding: a file may be one long line.
const CONTEXT: usize = 1000;

/// Prints the lines of the inputs with markers, and a summary.
///
/// # Errors
///
/// The output cannot be written.
pub(super) fn print_human(
    report: &ValidationReport<'_>,
    terminal: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let renderer = if terminal { Renderer::styled() } else { Renderer::plain() };
    for finding in report.findings {
        writeln!(out, "{}\n", renderer.render(&[snippet(report, finding)]))?;
    }
    let count = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    writeln!(
        out,
        "{}, {}, {}",
        plural(report.documents, "document"),
        plural(errors, "error"),
        plural(warnings, "warning")
    )
}

fn snippet<'a>(report: &'a ValidationReport<'_>, finding: &'a Finding) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = match &finding.resource {
        Some(resource) => Cow::Owned(format!("{} {}/{}", resource.kind, resource.namespace, resource.name)),
        None => Cow::Borrowed(report.input_name(finding)),
    };
    let label = match finding.field.as_str() {
        "" => Cow::Borrowed(finding.message.as_str()),
        field => Cow::Owned(format!("{field}: {}", finding.message)),
    };
    let group = level.primary_title(title).id(finding.rule.id);
    let Ok(text) = &report.inputs[finding.input].content else {
        return group.element(Level::NOTE.message(label));
    };
    // Only the lines of the finding are passed on, so that large files stay fast.
    let (first, start) = report.inputs[finding.input].line(finding.bytes.start);
    let Range { start: from, end: to } = finding.bytes;
    let near = text.floor_char_boundary(to + CONTEXT);
    let end = text[to..near].find('\n').map_or(near, |length| to + length);
    let annotate = |source_start: usize, label| {
        let span = from - source_start..to - source_start;
        let snippet = Snippet::source(&text[source_start..end]).line_start(first);
        snippet.annotation(AnnotationKind::Primary.span(span).label(label))
    };
    if from - start <= CONTEXT {
        return group.element(annotate(start, label).path(report.input_name(finding)));
    }
    let (line, column) = report.position(finding);
    let origin = Origin::path(report.input_name(finding)).line(line).char_column(column);
    group.element(origin).element(annotate(text.floor_char_boundary(from - CONTEXT), label))
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
