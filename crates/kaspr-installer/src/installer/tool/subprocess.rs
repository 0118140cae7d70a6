//! Starts processes with a limited environment.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use tokio::process::Command;

use crate::install_contract as variable;

/// Variables that a program needs in order to run.
const REQUIRED: [&str; 6] = ["PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "LANG", "LC_ALL", "TMPDIR"];

/// Variables of the installer and of the stores that may contain credentials. No tool needs them.
const CREDENTIALS: [&str; 12] = [
    variable::INDEX_URL,
    variable::EXTRA_INDEX_URLS,
    variable::PYPI_USERNAME,
    variable::PYPI_PASSWORD,
    variable::AWS_ACCESS_KEY_ID,
    variable::AWS_SECRET_ACCESS_KEY,
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    variable::AZURE_STORAGE_ACCOUNT_KEY,
    "AZURE_CLIENT_SECRET",
    "GOOGLE_APPLICATION_CREDENTIALS",
    variable::GCS_KEY_FILE,
];

/// Prepares a program that sees no credentials. The program is killed when this process drops it.
pub(crate) fn isolated(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().kill_on_drop(true);
    for name in REQUIRED {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Prepares a program that accesses indexes and repositories. It sees the environment of the container, as
/// pip in the image would, except for credentials that it receives in files. It writes to
/// `scratch`, because the image may be read-only and its user may have no home directory.
pub(crate) fn with_container_env(program: impl AsRef<OsStr>, scratch: &Path) -> Command {
    let mut command = Command::new(program);
    command.kill_on_drop(true);
    for name in CREDENTIALS {
        command.env_remove(name);
    }
    command.env("TMPDIR", scratch).env("HOME", home(scratch));
    command
}

/// Returns the home directory for programs: that of the container, or `scratch` without one.
pub(crate) fn home(scratch: &Path) -> OsString {
    let home = std::env::var_os("HOME").filter(|home| Path::new(home).is_dir() && home != "/");
    home.unwrap_or_else(|| scratch.as_os_str().to_owned())
}
