//! uv, as its own project releases it.

use std::{path::PathBuf, process::Command};

/// The version that the operator's image brings.
const VERSION: &str = include_str!("../../deploy/uv-version");

/// Where uv is; the first call fetches it.
pub fn uv() -> PathBuf {
    control_plane::from_pip("uv", VERSION.trim()).expect("pip installs uv").join("bin/uv")
}

/// What Python prints.
pub fn python(code: &str) -> String {
    let output = Command::new("python3").args(["-c", code]).output().expect("Python");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
