//! Output of generated files and tables.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::error::Error;

/// Writes a file, and replaces its content if the file exists.
pub(super) fn write_file(path: PathBuf, text: &str) -> Result<(), Error> {
    fs::write(&path, text).map_err(|source| Error::File { what: "write", path, source })
}

/// Creates a directory and its parents, if they do not exist.
pub(super) fn create_dir(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|source| Error::File { what: "create", path: path.to_owned(), source })
}

/// Writes a text to standard output.
pub(super) fn write_stdout(text: &str) -> Result<(), Error> {
    io::stdout().write_all(text.as_bytes()).map_err(Error::Output)
}

/// Serializes an object as YAML.
pub(super) fn to_yaml(object: &impl Serialize) -> Result<String, Error> {
    Ok(serde_saphyr::to_string(object)?)
}

/// Writes manifests, given as file name and text, to a directory, or without one to standard output as a
/// stream of YAML documents.
pub(super) fn write_manifests(
    directory: Option<PathBuf>,
    manifests: Vec<(String, String)>,
) -> Result<(), Error> {
    let Some(directory) = directory else {
        let documents: Vec<String> = manifests.into_iter().map(|(_, text)| text).collect();
        return write_stdout(&documents.join("---\n"));
    };
    create_dir(&directory)?;
    manifests.into_iter().try_for_each(|(name, text)| write_file(directory.join(name), &text))
}

/// Formats a text for a cell of a Markdown table: on one line, with escaped `|`.
#[must_use]
pub(super) fn markdown_cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
