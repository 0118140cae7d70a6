//! From paths to documents.

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

use super::locate;
use crate::api::GROUP;

/// A file's content, or why there is none.
pub struct Input {
    /// How the user knows it.
    pub name: String,
    /// Its text.
    pub content: Result<String, String>,
    /// Where its lines start: a large file can have many findings.
    lines: Vec<usize>,
}

impl Input {
    /// An input of this name.
    pub fn new(name: String, content: Result<String, String>) -> Self {
        let text = content.as_deref().unwrap_or_default();
        let lines = [0].into_iter().chain(text.match_indices('\n').map(|(end, _)| end + 1)).collect();
        Self { name, content, lines }
    }

    /// Its text; empty where it can't be read.
    pub fn text(&self) -> &str {
        self.content.as_deref().unwrap_or_default()
    }

    /// The number of the line that holds the byte, from 1, and where that line starts.
    pub fn line(&self, byte: usize) -> (usize, usize) {
        let number = self.lines.partition_point(|start| *start <= byte);
        (number, self.lines.get(number.saturating_sub(1)).copied().unwrap_or_default())
    }
}

/// One YAML document of an input, that holds a manifest.
pub struct Document {
    /// Index of the input.
    pub input: usize,
    /// Its bytes in the input.
    pub bytes: Range<usize>,
    /// Its value, or the reason and place of its not having one.
    pub value: Result<Value, (String, Range<usize>)>,
}

/// The inputs of a path: the file itself, or all manifests of a folder in the order of their names.
pub fn inputs(path: &Path) -> Vec<Input> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes);
        return vec![input("-".to_owned(), read)];
    }
    let entries =
        WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(|entry| !is_template(entry));
    let mut inputs = Vec::new();
    for entry in entries {
        match entry {
            // Also the folder that a link leads to.
            Ok(entry) if entry.path().is_dir() => {}
            Ok(entry) if entry.depth() > 0 && !is_manifest(entry.path()) => {}
            Ok(entry) => inputs.push(input(entry.path().display().to_string(), fs::read(entry.path()))),
            Err(error) => {
                let name = error.path().unwrap_or(path).display().to_string();
                let why = error.io_error().map_or_else(|| error.to_string(), io::Error::to_string);
                inputs.push(Input::new(name, Err(why)));
            }
        }
    }
    inputs
}

fn input(name: String, read: io::Result<Vec<u8>>) -> Input {
    let text = |bytes| String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned());
    Input::new(name, read.map_err(|error| error.to_string()).and_then(text))
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json"))
}

/// The templates of a Helm chart, which are no manifests before Helm has filled them in.
fn is_template(entry: &DirEntry) -> bool {
    let folder = entry.depth() > 0 && entry.file_type().is_dir() && entry.file_name() == "templates";
    folder && entry.path().parent().is_some_and(|chart| chart.join("Chart.yaml").is_file())
}

/// The documents that may concern us.
pub fn documents(inputs: &[Input], progress: &ProgressBar) -> Vec<Document> {
    let mut documents = Vec::new();
    for (input, text) in
        inputs.iter().enumerate().filter_map(|(i, input)| Some((i, input.content.as_ref().ok()?)))
    {
        for bytes in split(text) {
            progress.inc(1);
            let chunk = &text[bytes.clone()];
            if concerns(chunk) {
                let value = parse(chunk)
                    .map_err(|(why, place)| (why, bytes.start + place.start..bytes.start + place.end));
                // What can't be read and is not ours is not ours to judge.
                if value.is_ok() || chunk.contains(GROUP) {
                    documents.push(Document { input, bytes, value });
                }
            }
        }
    }
    documents
}

/// Whether a text can hold a resource of ours, a list, or what an app refers to.
fn concerns(text: &str) -> bool {
    [GROUP, "Secret", "ConfigMap"].iter().any(|word| text.contains(word))
}

/// The bytes of each document. Like kubectl, by the lines that start with `---`.
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
            locate::line_and_column(text, location.line() as usize, location.column() as usize)
        });
        let why = error.to_string();
        // The place is that in the document, and the advice that for who calls the library.
        let why = why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why);
        let why = why.split_once(", set ").map_or(why, |(why, _)| why);
        (why.to_owned(), place)
    })
}
