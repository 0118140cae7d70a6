//! Finds and reads test files.

use std::{
    collections::BTreeSet,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::de::IntoDeserializer;
use serde_json::Value;
use walkdir::WalkDir;

use super::{error::TestError, file::TestFile};
use crate::{
    cli::validate::{
        Finding, Highlight, Input, Locator, ManifestFolder, Severity, is_test_file, parse_yaml, read_file,
    },
    validate::{Path as FieldPath, rule},
};

/// A test file and the manifests that it tests.
pub(super) struct TestSource {
    /// Path as the user wrote it, or below a directory that the user wrote.
    pub path: PathBuf,
    /// Text of the file.
    pub input: Input,
    /// Content of the file.
    pub content: TestFile,
    /// Files and directories with the manifests.
    pub manifests: Vec<PathBuf>,
}

/// Returns the test files among the paths and below directories, and the other files, which are manifests for all
/// tests.
///
/// # Errors
///
/// There are no test files.
pub(super) fn find_tests(paths: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<PathBuf>), TestError> {
    let (mut tests, mut manifests) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            let entries = WalkDir::new(path).sort_by_file_name().into_iter().filter_map(Result::ok);
            let files = entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
            tests.extend(files.filter(|file| is_test_file(file)).map(without_dot));
        } else if is_test_file(path) {
            tests.push(path.clone());
        } else {
            manifests.push(path.clone());
        }
    }
    let mut seen = BTreeSet::new();
    tests.retain(|path| seen.insert(path.clone()));
    if tests.is_empty() { Err(TestError::NoTests) } else { Ok((tests, manifests)) }
}

/// Reads a test file. `manifests` replace those that the file names or that are in its directory.
///
/// # Errors
///
/// The file cannot be read, or is not valid: a finding with its place.
pub(super) fn read_test(path: PathBuf, manifests: &[PathBuf]) -> Result<TestSource, Box<(Input, Finding)>> {
    let input = read_file(&path);
    match parse(&input) {
        Err(finding) => Err(Box::new((input, *finding))),
        Ok(content) => {
            let manifests = match manifests {
                [] => manifests_of(&path, &content),
                given => given.to_vec(),
            };
            Ok(TestSource { path, input, content, manifests })
        }
    }
}

/// Returns the files and directories with the manifests of a test file.
fn manifests_of(path: &Path, content: &TestFile) -> Vec<PathBuf> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if !content.manifests.is_empty() {
        let join = |given: &PathBuf| directory.map_or_else(|| given.clone(), |parent| parent.join(given));
        return content.manifests.iter().map(join).collect();
    }
    let folder = ManifestFolder::new(directory.unwrap_or(Path::new(".")));
    folder.files().into_iter().map(without_dot).collect()
}

/// Returns a path without `./`.
fn without_dot(path: PathBuf) -> PathBuf {
    path.strip_prefix("./").map(Path::to_path_buf).unwrap_or(path)
}

/// Reads the content of a test file.
///
/// # Errors
///
/// The file cannot be read, or is not valid.
pub(super) fn parse(input: &Input) -> Result<TestFile, Box<Finding>> {
    let unreadable =
        |message: String, bytes| Box::new(Finding { rule: rule::UNREADABLE, ..finding(message, bytes) });
    let text = input.content.as_ref().map_err(|why| unreadable(why.clone(), 0..0))?;
    parse_yaml(text).map_err(|(message, bytes)| unreadable(message, bytes))?;
    // As in YAML 1.2, `n` and `no` are no booleans, in contrast to YAML 1.1, which kubectl reads.
    let options = serde_saphyr::options! { strict_booleans: true };
    let value: Value = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let error = error.without_snippet();
        unreadable(error.to_string(), error.location().map_or(0..0, |at| line_start(text, at.line())))
    })?;
    serde_path_to_error::deserialize(value.into_deserializer()).map_err(|error| {
        let path = error.path().iter().fold(FieldPath::root(), |path, segment| match segment {
            serde_path_to_error::Segment::Seq { index } => path.index(*index),
            serde_path_to_error::Segment::Map { key } => path.child(key.clone()),
            _ => path,
        });
        Box::new(locate(text, &path, error.into_inner().to_string()))
    })
}

/// Returns the first byte of a line, counted from 1.
fn line_start(text: &str, line: u64) -> Range<usize> {
    let before = text.split_inclusive('\n').zip(1..line).map(|(line, _)| line.len()).sum();
    before..before
}

/// Returns a finding at a field of a test file.
#[must_use]
pub(super) fn locate(text: &str, path: &FieldPath, message: String) -> Finding {
    let bytes = Locator::new(text).locate(&path.segments(), Highlight::Value);
    Finding { field: path.to_string(), ..finding(message, bytes) }
}

fn finding(message: String, bytes: Range<usize>) -> Finding {
    Finding {
        resource: None,
        severity: Severity::Error,
        rule: rule::TEST_FILE,
        field: String::new(),
        message,
        bytes,
        input: 0,
    }
}
