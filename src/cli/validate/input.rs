//! Inputs: files, directories and standard input.

use std::{
    borrow::Cow,
    ffi::OsStr,
    fs,
    io::{self, Read},
    ops::Range,
    path::{Path, PathBuf},
};

use encoding_rs::{Encoding, UTF_8};
use walkdir::{DirEntry, WalkDir};

use super::{kustomization::KustomizationFiles, locate::line_starts};
use crate::cli::program::program_name;

/// Content of a file, or the reason why it cannot be read.
#[derive(Clone)]
pub(in crate::cli) struct Input {
    /// Path as the user wrote it, or `-`.
    pub name: String,
    /// Text of the file, or the error.
    pub content: Result<String, String>,
    /// Byte offset of each line, computed once because a large file can have many findings.
    lines: Vec<usize>,
    /// Characters before each block of bytes, because a file may be one long line; `None` if all are ASCII.
    blocks: Option<Vec<usize>>,
}

/// Bytes of a block in which characters are counted.
const BLOCK: usize = 1024;

impl Input {
    /// Creates an input.
    #[must_use]
    pub(super) fn new(name: String, content: Result<String, String>) -> Self {
        let text = content.as_deref().unwrap_or_default();
        let lines = line_starts(text);
        let blocks = (!text.is_ascii()).then(|| {
            let counts = text.as_bytes().chunks(BLOCK).map(count_characters);
            let sums = counts.scan(0, |sum, count| {
                *sum += count;
                Some(*sum)
            });
            [0].into_iter().chain(sums).collect()
        });
        Self { name, content, lines, blocks }
    }

    /// Creates an input from a text, such as that of an open document.
    #[must_use]
    pub(in crate::cli) fn of_text(path: &Path, text: String) -> Self {
        Self::new(path.display().to_string(), Ok(text))
    }

    /// Returns the text; empty if the file cannot be read.
    #[must_use]
    pub(in crate::cli) fn text(&self) -> &str {
        self.content.as_deref().unwrap_or_default()
    }

    /// Returns the number, from 1, and the byte offset of the line with a byte.
    #[must_use]
    pub(in crate::cli) fn line(&self, byte: usize) -> (usize, usize) {
        let number = self.lines.partition_point(|start| *start <= byte);
        (number, self.lines.get(number.saturating_sub(1)).copied().unwrap_or_default())
    }

    /// Returns the number of characters between two bytes.
    #[must_use]
    pub(super) fn characters(&self, bytes: Range<usize>) -> usize {
        let before = |byte: usize| match &self.blocks {
            None => byte,
            Some(blocks) => {
                let block = byte / BLOCK;
                blocks[block] + count_characters(&self.text().as_bytes()[block * BLOCK..byte])
            }
        };
        before(bytes.end) - before(bytes.start)
    }
}

/// Counts the characters that begin in a part of a text.
fn count_characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0xC0) != 0x80).count()
}

/// Reads the inputs of paths: files, and all manifests of directories in the order of their names. Prints a
/// message for each file that is skipped, because a kustomization names it as a patch or a setting.
#[must_use]
pub(super) fn read_inputs(paths: &[PathBuf]) -> Vec<Input> {
    let mut inputs = Vec::new();
    for path in paths {
        let (found, skipped) = read_path(path);
        inputs.extend(found);
        if let Some(first) = skipped.first() {
            let directory = first.parent().filter(|parent| !parent.as_os_str().is_empty());
            let directory = if path.is_dir() { path } else { directory.unwrap_or(Path::new(".")) };
            let names: Vec<String> = skipped.iter().map(|file| file.display().to_string()).collect();
            eprintln!(
                "{}: skipped, because a kustomization names them as patches or settings: {}. To read the result, \
                 pipe 'kubectl kustomize {}' into '-'",
                program_name(),
                names.join(", "),
                directory.display()
            );
        }
    }
    inputs
}

/// Reads one file.
#[must_use]
pub(in crate::cli) fn read_file(path: &Path) -> Input {
    decoded_input(path.display().to_string(), fs::read(path))
}

/// Returns the inputs of a path, and the files that are skipped.
fn read_path(path: &Path) -> (Vec<Input>, Vec<PathBuf>) {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes);
        return (vec![decoded_input("-".to_owned(), read)], Vec::new());
    }
    let entries =
        WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(|entry| !is_template(entry));
    let entries: Vec<_> = entries.collect();
    let mut not_resources = KustomizationFiles::default();
    for entry in entries.iter().flatten() {
        let directory = if entry.path().is_dir() { Some(entry.path()) } else { entry.path().parent() };
        directory.into_iter().for_each(|directory| not_resources.add_directory(directory));
    }
    let (mut inputs, mut skipped) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            // A link to a directory too.
            Ok(entry) if entry.path().is_dir() => {}
            Ok(entry) if entry.depth() > 0 && (!is_manifest(entry.path()) || is_test_file(entry.path())) => {}
            Ok(entry) if not_resources.contains(entry.path()) => skipped.push(entry.into_path()),
            Ok(entry) => {
                inputs.push(read_file(entry.path()));
            }
            Err(error) => {
                let name = error.path().unwrap_or(path).display().to_string();
                let why = error.io_error().map_or_else(|| error.to_string(), io::Error::to_string);
                inputs.push(Input::new(name, Err(why)));
            }
        }
    }
    (inputs, skipped)
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

/// Returns whether a file may have manifests, by its name.
#[must_use]
pub(super) fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json"))
}

/// Returns whether a file has tests of pipelines, by its name.
#[must_use]
pub(in crate::cli) fn is_test_file(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    ["_test.yaml", "_test.yml"].iter().any(|end| name.ends_with(end))
}

/// Returns whether an entry is the directory with the templates of a Helm chart. Templates are not valid
/// manifests before Helm renders them.
fn is_template(entry: &DirEntry) -> bool {
    let is_templates = entry.depth() > 0 && entry.file_type().is_dir() && entry.file_name() == "templates";
    is_templates && entry.path().parent().is_some_and(|chart| chart.join("Chart.yaml").is_file())
}
