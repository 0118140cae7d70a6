//! Findings of `validate` as diagnostics.

use ls_types::{Diagnostic, DiagnosticSeverity, NumberOrString};

use super::positions::range;
use crate::{
    cli::validate::{Finding, Input, ManifestSet, Severity},
    validate::rule::Level,
};

/// Returns the diagnostics of an input of a set.
///
/// A missing reference is a warning, because the resource may be in another folder. While a document cannot be read,
/// because the user is typing, missing references are not reported at all.
#[must_use]
pub(super) fn diagnostics(set: &ManifestSet, input: usize) -> Vec<Diagnostic> {
    let Some(text) = set.inputs().get(input) else { return Vec::new() };
    let incomplete = set.has_unreadable();
    let is_shown = |finding: &&Finding| {
        finding.input == input && !(incomplete && finding.rule.level == Level::MissingReference)
    };
    set.findings().iter().filter(is_shown).map(|finding| diagnostic(finding, text)).collect()
}

/// Returns a finding in an input as a diagnostic.
#[must_use]
pub(super) fn diagnostic(finding: &Finding, input: &Input) -> Diagnostic {
    let severity = match finding.severity {
        Severity::Error if finding.rule.level != Level::MissingReference => DiagnosticSeverity::ERROR,
        _ => DiagnosticSeverity::WARNING,
    };
    let message = match finding.field.as_str() {
        "" => finding.message.clone(),
        field => format!("{field}: {}", finding.message),
    };
    Diagnostic {
        range: range(input, &finding.bytes),
        severity: Some(severity),
        code: Some(NumberOrString::String(finding.rule.id.to_owned())),
        source: Some("kaspr-operator".to_owned()),
        message,
        ..Diagnostic::default()
    }
}
