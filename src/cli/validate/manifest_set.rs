//! Manifests of files with their findings, for the other subcommands.

use std::{io, path::PathBuf};

use serde_json::Value;

use super::{
    documents::parse_documents,
    evaluate::evaluate,
    finding::{Finding, Severity},
    format::Format,
    input::{Input, read_inputs},
    manifest::Manifest,
    printer::print_report,
    progress::progress_bar,
    validation_report::ValidationReport,
};
use crate::validate::rule::{self, Level};

/// Manifests that were read from files and validated.
pub(crate) struct ManifestSet {
    inputs: Vec<Input>,
    /// Number of validated documents.
    documents: usize,
    findings: Vec<Finding>,
    /// Resources of kaspr.io.
    manifests: Vec<Manifest>,
}

impl ManifestSet {
    /// Reads and validates files and directories, `-` for standard input. Resources without a namespace
    /// are in `namespace`.
    #[must_use]
    pub(crate) fn read(paths: &[PathBuf], namespace: &str) -> Self {
        let inputs = read_inputs(paths);
        let progress = progress_bar();
        let mut documents = parse_documents(&inputs, &progress);
        let (findings, manifests) = evaluate(&inputs, &mut documents, namespace, &progress);
        progress.finish_and_clear();
        Self { inputs, documents: documents.len(), findings, manifests }
    }

    /// Returns the resources of kaspr.io, in the order of the files, with their namespaces.
    pub(crate) fn into_resources(self) -> impl Iterator<Item = Value> {
        let objects = self.manifests.into_iter().filter(|manifest| manifest.value["metadata"].is_object());
        objects.map(|manifest| {
            let Manifest { mut value, resource, .. } = manifest;
            value["metadata"]["namespace"] = Value::String(resource.namespace);
            value
        })
    }

    /// Returns whether a file or document cannot be read.
    #[must_use]
    pub(crate) fn has_unreadable(&self) -> bool {
        self.findings.iter().any(|finding| finding.rule == rule::UNREADABLE)
    }

    /// Returns whether there is an error other than a missing reference, which another manifest could fix.
    #[must_use]
    pub(crate) fn has_errors(&self) -> bool {
        let is_error = |finding: &&Finding| finding.severity == Severity::Error;
        self.findings.iter().filter(is_error).any(|finding| finding.rule.level != Level::MissingReference)
    }

    /// Prints the findings in the format for terminals.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub(crate) fn print_findings(&self, terminal: bool, out: &mut impl io::Write) -> io::Result<()> {
        let report =
            ValidationReport { inputs: &self.inputs, findings: &self.findings, documents: self.documents };
        print_report(&report, Format::Human, terminal, out)
    }

    /// Returns a message for each file or document that cannot be read.
    pub(crate) fn unreadable_messages(&self) -> impl Iterator<Item = String> {
        let unreadable = self.findings.iter().filter(|finding| finding.rule == rule::UNREADABLE);
        unreadable.map(|finding| {
            let input = &self.inputs[finding.input];
            match input.content {
                Ok(_) => {
                    let (line, _) = input.line(finding.bytes.start);
                    format!("failed to read {}:{line}: {}", input.name, finding.message)
                }
                Err(_) => format!("failed to read {}: {}", input.name, finding.message),
            }
        })
    }
}
