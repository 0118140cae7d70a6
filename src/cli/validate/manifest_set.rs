//! Manifests of files with their findings, for the other subcommands.

use std::{io, path::PathBuf};

use serde_json::Value;

use super::{
    documents::{Document, parse_documents},
    evaluate::evaluate,
    finding::{Finding, Severity},
    format::Format,
    input::{Input, read_inputs},
    manifest::manifests,
    printer::print_report,
    progress::progress_bar,
    validation_report::ValidationReport,
};
use crate::{
    api::GROUP,
    validate::rule::{self, Level},
};

/// Manifests that were read from files and validated.
pub(crate) struct ManifestSet {
    inputs: Vec<Input>,
    documents: Vec<Document>,
    findings: Vec<Finding>,
    namespace: String,
}

impl ManifestSet {
    /// Reads and validates files and directories, `-` for standard input. Resources without a namespace
    /// are in `namespace`.
    #[must_use]
    pub(crate) fn read(paths: &[PathBuf], namespace: &str) -> Self {
        let inputs = read_inputs(paths);
        let progress = progress_bar();
        let documents = parse_documents(&inputs, &progress);
        let findings = evaluate(&inputs, &documents, namespace, &progress);
        progress.finish_and_clear();
        Self { inputs, documents, findings, namespace: namespace.to_owned() }
    }

    /// Returns the resources of kaspr.io, in the order of the files, with their namespaces.
    #[must_use]
    pub(crate) fn resources(&self) -> Vec<Value> {
        let manifests = manifests(&self.documents, &self.namespace);
        let resources = manifests.into_iter().filter_map(|manifest| {
            let mut value = manifest.value;
            let group = value["apiVersion"].as_str().and_then(|version| version.split('/').next());
            if group != Some(GROUP) || !value["metadata"].is_object() {
                return None;
            }
            value["metadata"]["namespace"] = Value::String(manifest.resource.namespace);
            Some(value)
        });
        resources.collect()
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
        let report = ValidationReport {
            inputs: &self.inputs,
            findings: &self.findings,
            documents: self.documents.len(),
        };
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
