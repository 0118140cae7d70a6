//! Printer of findings.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{
    finding::{Finding, Severity},
    format::Format,
    input::Input,
    machine_formats,
};

/// Findings to print, with the inputs that they refer to.
pub struct Printer<'a> {
    /// Inputs of the findings.
    pub inputs: &'a [Input],
    /// Findings in the order of the inputs.
    pub findings: &'a [Finding],
    /// Number of validated documents.
    pub documents: usize,
}

impl Printer<'_> {
    /// Prints the findings in a format. `terminal` enables colors.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub fn print(&self, format: Format, terminal: bool, out: &mut impl Write) -> io::Result<()> {
        match format {
            Format::Human => self.print_human(out, terminal),
            Format::Json => machine_formats::print_json(self, out),
            Format::Sarif => machine_formats::print_sarif(self, out),
            Format::Github => machine_formats::print_github(self, out),
        }
    }

    /// Prints the lines of the inputs with markers, and a summary.
    fn print_human(&self, out: &mut impl Write, terminal: bool) -> io::Result<()> {
        let renderer = if terminal { Renderer::styled() } else { Renderer::plain() };
        for finding in self.findings {
            writeln!(out, "{}\n", renderer.render(&[self.snippet(finding)]))?;
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

    fn snippet<'a>(&'a self, finding: &'a Finding) -> Group<'a> {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = match &finding.resource {
            Some(resource) => {
                Cow::Owned(format!("{} {}/{}", resource.kind, resource.namespace, resource.name))
            }
            None => Cow::Borrowed(self.input_name(finding)),
        };
        let label = match finding.field.as_str() {
            "" => Cow::Borrowed(finding.message.as_str()),
            field => Cow::Owned(format!("{field}: {}", finding.message)),
        };
        let group = level.primary_title(title).id(finding.rule.id);
        let Ok(text) = &self.inputs[finding.input].content else {
            return group.element(Level::NOTE.message(label));
        };
        // Only the lines of the finding are passed on, so that large files stay fast.
        let (first, start) = self.inputs[finding.input].line(finding.bytes.start);
        let end =
            text[finding.bytes.end..].find('\n').map_or(text.len(), |length| finding.bytes.end + length);
        let bytes = finding.bytes.start - start..finding.bytes.end - start;
        group.element(
            Snippet::source(&text[start..end])
                .path(self.input_name(finding))
                .line_start(first)
                .annotation(AnnotationKind::Primary.span(bytes).label(label)),
        )
    }

    /// Returns the name of the input with a finding.
    #[must_use]
    pub fn input_name(&self, finding: &Finding) -> &str {
        &self.inputs[finding.input].name
    }

    /// Returns line and column of a finding, counted from 1.
    #[must_use]
    pub fn position(&self, finding: &Finding) -> (usize, usize) {
        let input = &self.inputs[finding.input];
        let (line, start) = input.line(finding.bytes.start);
        (line, input.text()[start..finding.bytes.start].chars().count() + 1)
    }
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
