//! Files for the other subcommands: what is in them, and the verdict on it.

use std::{io, path::PathBuf};

use serde_json::Value;

use super::{
    Finding, Format, Severity, evaluate,
    print::Printer,
    progress,
    read::{self, Document, Input},
};
use crate::{
    api::GROUP,
    validate::rule::{self, Level},
};

/// Files that were read and judged.
pub struct Files {
    inputs: Vec<Input>,
    documents: Vec<Document>,
    findings: Vec<Finding>,
    namespace: String,
}

impl Files {
    /// Reads files and folders, `-` for standard input. Resources that name no namespace are in the
    /// given one.
    pub fn read(paths: &[PathBuf], namespace: &str) -> Self {
        let inputs: Vec<Input> = paths.iter().flat_map(|path| read::inputs(path)).collect();
        let progress = progress();
        let documents = read::documents(&inputs, &progress);
        let findings = evaluate::evaluate(&inputs, &documents, namespace, &progress);
        progress.finish_and_clear();
        Self { inputs, documents, findings, namespace: namespace.to_owned() }
    }

    /// The resources of the group, in the order of the files, with their namespaces.
    pub fn resources(&self) -> Vec<Value> {
        let manifests = evaluate::manifests(&self.documents, &self.namespace);
        let ours = manifests.into_iter().filter_map(|manifest| {
            let mut value = manifest.value;
            let group = value["apiVersion"].as_str().and_then(|version| version.split('/').next());
            if group != Some(GROUP) || !value["metadata"].is_object() {
                return None;
            }
            value["metadata"]["namespace"] = Value::String(manifest.resource.namespace);
            Some(value)
        });
        ours.collect()
    }

    /// Whether something could not be read.
    pub fn unread(&self) -> bool {
        self.findings.iter().any(|finding| finding.rule == rule::UNREADABLE)
    }

    /// Whether something is wrong that no other resource could mend.
    pub fn refused(&self) -> bool {
        let wrong = |finding: &&Finding| finding.severity == Severity::Error;
        self.findings.iter().filter(wrong).any(|finding| finding.rule.level != Level::MissingReference)
    }

    /// Prints the findings for people, as `validate` does.
    ///
    /// Errors: they can't be written.
    pub fn print(&self, terminal: bool, out: &mut impl io::Write) -> io::Result<()> {
        let printer =
            Printer { inputs: &self.inputs, findings: &self.findings, documents: self.documents.len() };
        printer.print(Format::Human, terminal, out)
    }

    /// What can't be read, a line each.
    pub fn unreadable(&self) -> impl Iterator<Item = String> {
        let unread = self.findings.iter().filter(|finding| finding.rule == rule::UNREADABLE);
        unread.map(|finding| {
            let input = &self.inputs[finding.input];
            match input.content {
                Ok(_) => {
                    let (line, _) = input.line(finding.bytes.start);
                    format!("can't read {}:{line}: {}", input.name, finding.message)
                }
                Err(_) => format!("can't read {}: {}", input.name, finding.message),
            }
        })
    }
}
