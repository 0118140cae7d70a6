//! Result of `validate`, before it is formatted.

use super::{finding::Finding, input::Input};

/// Findings with the inputs that they refer to.
pub(in crate::cli) struct ValidationReport<'a> {
    /// Inputs of the findings.
    pub inputs: &'a [Input],
    /// Findings in the order of the inputs.
    pub findings: &'a [Finding],
    /// Number of validated documents.
    pub documents: usize,
}

impl ValidationReport<'_> {
    /// Returns the name of the input with a finding.
    #[must_use]
    pub(super) fn input_name(&self, finding: &Finding) -> &str {
        &self.inputs[finding.input].name
    }

    /// Returns line and column of a finding, counted from 1.
    #[must_use]
    pub(super) fn position(&self, finding: &Finding) -> (usize, usize) {
        let input = &self.inputs[finding.input];
        let (line, start) = input.line(finding.bytes.start);
        (line, input.characters(start..finding.bytes.start) + 1)
    }
}
