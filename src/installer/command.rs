//! Processes that are started, and what they get to see.

use std::{ffi::OsStr, path::Path};

use tokio::process::Command;

/// What a program needs to run at all.
const NEEDED: [&str; 6] = ["PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "LANG", "LC_ALL", "TMPDIR"];

/// The operator's own variables that may hold credentials, and those of the stores: no tool needs them.
const OURS: [&str; 12] = [
    "INDEX_URL",
    "EXTRA_INDEX_URLS",
    "PYPI_USERNAME",
    "PYPI_PASSWORD",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_CLIENT_SECRET",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GCS_KEY_FILE",
];

/// A program that sees no credentials, and ends with this process.
pub fn plain(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().kill_on_drop(true);
    for name in NEEDED {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// A program that talks to indexes and repositories: it sees the container's environment, as pip in
/// the image would, but for credentials that it gets otherwise. What it keeps goes to `scratch`,
/// since the image may be read-only and its user may have no home.
pub fn with_environment(program: impl AsRef<OsStr>, scratch: &Path) -> Command {
    let mut command = Command::new(program);
    command.kill_on_drop(true);
    for name in OURS {
        command.env_remove(name);
    }
    command.env("TMPDIR", scratch);
    let home = std::env::var_os("HOME").filter(|home| Path::new(home).is_dir() && home != "/");
    command.env("HOME", home.unwrap_or_else(|| scratch.as_os_str().to_owned()));
    command
}
