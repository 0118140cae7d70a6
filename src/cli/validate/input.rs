//! Inputs and the YAML documents in them.

use std::{
    ffi::OsStr,
    fs,
    io::{self, Read},
    ops::Range,
    path::Path,
};

use indicatif::ProgressBar;
use serde_json::Value;
use walkdir::{DirEntry, WalkDir};

use super::locate::{line_and_column, line_starts};
use crate::api::GROUP;

/// Content of a file, or the reason why it cannot be read.
pub(super) struct Input {
    /// Path as the user wrote it, or `-`.
    pub name: String,
    /// Text of the file, or the error.
    pub content: Result<String, String>,
    /// Byte offset of each line, computed once because a large file can have many findings.
    lines: Vec<usize>,
}

impl Input {
    /// Creates an input.
    #[must_use]
    pub(super) fn new(name: String, content: Result<String, String>) -> Self {
        let text = content.as_deref().unwrap_or_default();
        let lines = line_starts(text);
        Self { name, content, lines }
    }

    /// Returns the text; empty if the file cannot be read.
    #[must_use]
    pub(super) fn text(&self) -> &str {
        self.content.as_deref().unwrap_or_default()
    }

    /// Returns the number, from 1, and the byte offset of the line with a byte.
    #[must_use]
    pub(super) fn line(&self, byte: usize) -> (usize, usize) {
        let number = self.lines.partition_point(|start| *start <= byte);
        (number, self.lines.get(number.saturating_sub(1)).copied().unwrap_or_default())
    }
}

/// A YAML document that may be a manifest.
pub(super) struct Document {
    /// Index of the input.
    pub input: usize,
    /// Byte range in the input.
    pub bytes: Range<usize>,
    /// Value of the document, or the error and its byte range in the input.
    pub value: Result<Value, (String, Range<usize>)>,
}

/// Reads the inputs of a path: the file, or all manifests of a directory in the order of their names.
#[must_use]
pub(super) fn read_inputs(path: &Path) -> Vec<Input> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes);
        return vec![utf8_input("-".to_owned(), read)];
    }
    let entries =
        WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(|entry| !is_template(entry));
    let mut inputs = Vec::new();
    for entry in entries {
        match entry {
            // A link to a directory too.
            Ok(entry) if entry.path().is_dir() => {}
            Ok(entry) if entry.depth() > 0 && !is_manifest(entry.path()) => {}
            Ok(entry) => inputs.push(utf8_input(entry.path().display().to_string(), fs::read(entry.path()))),
            Err(error) => {
                let name = error.path().unwrap_or(path).display().to_string();
                let why = error.io_error().map_or_else(|| error.to_string(), io::Error::to_string);
                inputs.push(Input::new(name, Err(why)));
            }
        }
    }
    inputs
}

fn utf8_input(name: String, read: io::Result<Vec<u8>>) -> Input {
    let text = |bytes| String::from_utf8(bytes).map_err(|_| "not valid UTF-8".to_owned());
    Input::new(name, read.map_err(|error| error.to_string()).and_then(text))
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json"))
}

/// Returns whether an entry is the directory with the templates of a Helm chart. Templates are not valid
/// manifests before Helm renders them.
fn is_template(entry: &DirEntry) -> bool {
    let is_templates = entry.depth() > 0 && entry.file_type().is_dir() && entry.file_name() == "templates";
    is_templates && entry.path().parent().is_some_and(|chart| chart.join("Chart.yaml").is_file())
}

/// Parses the documents that may contain a resource of kaspr.io, or a Secret or ConfigMap.
#[must_use]
pub(super) fn parse_documents(inputs: &[Input], progress: &ProgressBar) -> Vec<Document> {
    let mut documents = Vec::new();
    for (input, text) in
        inputs.iter().enumerate().filter_map(|(i, input)| Some((i, input.content.as_ref().ok()?)))
    {
        for bytes in split(text) {
            progress.inc(1);
            let chunk = &text[bytes.clone()];
            if is_relevant(chunk) {
                let value = parse(chunk)
                    .map_err(|(why, place)| (why, bytes.start + place.start..bytes.start + place.end));
                // An unreadable document without the group is not validated.
                if value.is_ok() || chunk.contains(GROUP) {
                    documents.push(Document { input, bytes, value });
                }
            }
        }
    }
    documents
}

/// Returns whether a text may contain a resource of kaspr.io, or an object that an app refers to.
fn is_relevant(text: &str) -> bool {
    [GROUP, "Secret", "ConfigMap"].iter().any(|name| text.contains(name))
}

/// Returns the byte range of each document. Like kubectl, splits at lines that start with `---`.
fn split(text: &str) -> Vec<Range<usize>> {
    let mut documents = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        if let Some(rest) =
            line.strip_prefix("---").filter(|rest| rest.starts_with(char::is_whitespace) || rest.is_empty())
        {
            documents.push(start..at);
            // A comment or a value may follow on the same line.
            start = end - rest.len();
        }
        at = end;
    }
    documents.push(start..text.len());
    documents.retain(|bytes| !text[bytes.clone()].trim().is_empty());
    documents
}

fn parse(text: &str) -> Result<Value, (String, Range<usize>)> {
    serde_saphyr::from_str(text).map_err(|error| {
        let error = error.without_snippet();
        let place = error.location().map_or(0..0, |location| {
            line_and_column(text, location.line() as usize, location.column() as usize)
        });
        let why = error.to_string();
        // Removes the position, which is relative to the document, and the advice for callers of the library.
        let why = why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why);
        let why = why.split_once(", set ").map_or(why, |(why, _)| why);
        (why.to_owned(), place)
    })
}
