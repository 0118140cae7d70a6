//! Errors of `test`.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Error that ends `test`. Faults of test files are findings instead.
#[derive(Debug, Error)]
pub enum TestError {
    /// There are no test files.
    #[error("no test files were found: their names end with _test.yaml or _test.yml")]
    NoTests,
    /// No test has the name that `--filter` gives.
    #[error("no test has '{0}' in its name")]
    NoMatch(String),
    /// Python cannot be started.
    #[error("failed to start Python as {}: {source}. Install Python 3.9 or newer, or set --python", python.display())]
    Python {
        /// The interpreter.
        python: PathBuf,
        /// Cause of the failure.
        source: io::Error,
    },
    /// Python ended before the first test.
    #[error("failed to run tests with {}: {why}", python.display())]
    Harness {
        /// The interpreter.
        python: PathBuf,
        /// How it ended.
        why: String,
    },
    /// The folder for the harness cannot be written.
    #[error("failed to write to the folder for temporary files: {0}")]
    Folder(io::Error),
    /// A test file cannot be changed.
    #[error("failed to record what came in {}: {why}", path.display())]
    Record {
        /// The test file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Python packages cannot be installed.
    #[error("failed to install the Python packages of the app: {why}")]
    Packages {
        /// How the installer ended.
        why: String,
    },
    /// Files cannot be watched for changes.
    #[error("failed to watch files for changes: {0}")]
    Watch(notify::Error),
}
