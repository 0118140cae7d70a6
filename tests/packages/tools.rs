//! Programs that the tests run: uv and Python.

use std::{path::PathBuf, process::Command};

/// Version of uv in the operator's image.
const VERSION: &str = include_str!("../../deploy/uv-version");

/// Returns the path of uv. The first call downloads it.
pub(crate) fn uv() -> PathBuf {
    control_plane::from_pip("uv", VERSION.trim()).expect("pip installs uv").join("bin/uv")
}

/// Runs Python code. Returns its output.
pub(crate) fn python(code: &str) -> String {
    let output = Command::new("python3").args(["-c", code]).output().expect("Python");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
