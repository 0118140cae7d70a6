//! Manifests of files with their findings, for the other subcommands.

use std::{io, ops::Range, path::PathBuf};

use indicatif::ProgressBar;
use serde_json::Value;

use super::{
    documents::parse_documents,
    evaluate::evaluate,
    finding::{Finding, Severity},
    format::Format,
    input::{Input, read_inputs},
    locate::{Highlight, Locator},
    manifest::Manifest,
    printer::print_report,
    progress::progress_bar,
    validation_report::ValidationReport,
};
use crate::{
    admission,
    api::Kind,
    validate::{
        Path, Segment,
        rule::{self, Level},
    },
};

/// Manifests that were read from files and validated.
pub(crate) struct ManifestSet {
    inputs: Vec<Input>,
    /// Input and byte range of each document.
    documents: Vec<(usize, Range<usize>)>,
    findings: Vec<Finding>,
    /// Resources of kaspr.io.
    manifests: Vec<Manifest>,
}

/// A line of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    /// Path of the file, as the user wrote it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Text of the line, without indentation.
    pub text: String,
}

impl ManifestSet {
    /// Reads and validates files and directories, `-` for standard input. Resources without a namespace
    /// are in `namespace`.
    #[must_use]
    pub(crate) fn read(paths: &[PathBuf], namespace: &str) -> Self {
        let progress = progress_bar();
        let set = Self::evaluate(read_inputs(paths), namespace, &progress);
        progress.finish_and_clear();
        set
    }

    /// Validates inputs, without a progress bar.
    #[must_use]
    pub(crate) fn of_inputs(inputs: Vec<Input>, namespace: &str) -> Self {
        Self::evaluate(inputs, namespace, &ProgressBar::hidden())
    }

    fn evaluate(inputs: Vec<Input>, namespace: &str, progress: &ProgressBar) -> Self {
        let mut documents = parse_documents(&inputs, progress);
        let (findings, manifests) = evaluate(&inputs, &mut documents, namespace, progress);
        let documents = documents.into_iter().map(|document| (document.input, document.bytes)).collect();
        Self { inputs, documents, findings, manifests }
    }

    /// Returns the inputs, to which findings refer by their index.
    #[must_use]
    pub(crate) fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Returns the findings in the order of the inputs.
    #[must_use]
    pub(crate) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns the resources of kaspr.io, in the order of the files, with their namespaces.
    pub(crate) fn into_resources(self) -> impl Iterator<Item = Value> {
        self.manifests.into_iter().filter_map(resource)
    }

    /// Returns the resources of kaspr.io with the defaults of the webhook, in the order of the files.
    pub(crate) fn resources_with_defaults(&self) -> impl Iterator<Item = (Kind, Value)> + '_ {
        self.manifests.iter().cloned().filter_map(resource).filter_map(with_defaults)
    }

    /// Returns the place of a line of code, from 1 in its block, in the files.
    #[must_use]
    pub(crate) fn place_of_code(
        &self,
        (kind, namespace, name): (&str, &str, &str),
        field: &Path,
        line: usize,
    ) -> Option<Place> {
        let manifest = self.manifests.iter().find(|manifest| {
            let of = &manifest.resource;
            (of.kind.as_str(), of.namespace.as_str(), of.name.as_str()) == (kind, namespace, name)
        })?;
        let (input, bytes) = self.documents.get(manifest.document)?;
        let input = &self.inputs[*input];
        let path: Vec<&Segment> = manifest.at.iter().chain(field.segments()).collect();
        let found = Locator::new(&input.text()[bytes.clone()]).locate(&path, Highlight::Within(line, 1));
        let (line, start) = input.line(bytes.start + found.start);
        let text = input.text()[start..].lines().next().unwrap_or_default().trim();
        Some(Place { file: input.name.clone(), line, text: text.to_owned() })
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

    /// Returns whether all files can be read, and all fields have the types of the CRDs.
    #[must_use]
    pub(crate) fn fits_schema(&self) -> bool {
        let breaks = |finding: &&Finding| finding.severity == Severity::Error && finding.rule == rule::SCHEMA;
        !self.has_unreadable() && !self.findings.iter().any(|finding| breaks(&finding))
    }

    /// Prints the findings in the format for terminals.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub(crate) fn print_findings(&self, terminal: bool, out: &mut impl io::Write) -> io::Result<()> {
        self.print_findings_as(Format::Human, terminal, out)
    }

    /// Prints the findings in a format.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub(crate) fn print_findings_as(
        &self,
        format: Format,
        terminal: bool,
        out: &mut impl io::Write,
    ) -> io::Result<()> {
        let report = ValidationReport {
            inputs: &self.inputs,
            findings: &self.findings,
            documents: self.documents.len(),
        };
        print_report(&report, format, terminal, out)
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

/// Returns a manifest as a resource, with its namespace. `None` if it has no metadata.
fn resource(manifest: Manifest) -> Option<Value> {
    let Manifest { mut value, resource, .. } = manifest;
    value["metadata"].as_object_mut()?.insert("namespace".to_owned(), Value::String(resource.namespace));
    Some(value)
}

/// Returns a resource with the defaults that the webhook sets. `None` if its kind is unknown.
#[must_use]
pub(crate) fn with_defaults(mut resource: Value) -> Option<(Kind, Value)> {
    let kind = Kind::from_name(resource["kind"].as_str()?)?;
    (admission::handler_for(kind).apply_defaults)(&mut resource);
    Some((kind, resource))
}
