//! Inputs: files, directories and standard input.

use std::{
    borrow::Cow,
    ffi::OsStr,
    fs,
    io::{self, Read},
    path::Path,
};

use encoding_rs::{Encoding, UTF_8};
use walkdir::{DirEntry, WalkDir};

use super::locate::line_starts;

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

/// Reads the inputs of a path: the file, or all manifests of a directory in the order of their names.
#[must_use]
pub(super) fn read_inputs(path: &Path) -> Vec<Input> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes);
        return vec![decoded_input("-".to_owned(), read)];
    }
    let entries =
        WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(|entry| !is_template(entry));
    let mut inputs = Vec::new();
    for entry in entries {
        match entry {
            // A link to a directory too.
            Ok(entry) if entry.path().is_dir() => {}
            Ok(entry) if entry.depth() > 0 && !is_manifest(entry.path()) => {}
            Ok(entry) => {
                inputs.push(decoded_input(entry.path().display().to_string(), fs::read(entry.path())))
            }
            Err(error) => {
                let name = error.path().unwrap_or(path).display().to_string();
                let why = error.io_error().map_or_else(|| error.to_string(), io::Error::to_string);
                inputs.push(Input::new(name, Err(why)));
            }
        }
    }
    inputs
}

/// Returns the input with a text in UTF-8, or in UTF-16 with a byte order mark, as PowerShell writes it.
fn decoded_input(name: String, read: io::Result<Vec<u8>>) -> Input {
    let decode = |bytes: Vec<u8>| {
        let (encoding, mark) = Encoding::for_bom(&bytes).unwrap_or((UTF_8, 0));
        let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes[mark..]);
        text.map(Cow::into_owned).ok_or_else(|| format!("not valid {}", encoding.name()))
    };
    Input::new(name, read.map_err(|error| error.to_string()).and_then(decode))
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
