//! Findings as human-readable text.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{
    finding::{Finding, Severity},
    validation_report::ValidationReport,
};

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
    let end = text[finding.bytes.end..].find('\n').map_or(text.len(), |length| finding.bytes.end + length);
    let bytes = finding.bytes.start - start..finding.bytes.end - start;
    group.element(
        Snippet::source(&text[start..end])
            .path(report.input_name(finding))
            .line_start(first)
            .annotation(AnnotationKind::Primary.span(bytes).label(label)),
    )
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
