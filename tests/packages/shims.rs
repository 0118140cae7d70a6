//! Wrappers of programs, with the same names.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::tools;

/// Creates a wrapper that runs a shell script, and then the program.
pub(crate) fn wrap(folder: &Path, program: &Path, script: &str) -> PathBuf {
    let path = folder.join(program.file_name().expect("a name"));
    let text = format!("#!/bin/sh\n{script}\nexec {} \"$@\"\n", program.display());
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
    path
}

/// Creates a wrapper of Python.
pub(crate) fn wrap_python(folder: &Path, script: &str) -> PathBuf {
    wrap(folder, Path::new(&tools::python("import sys; print(sys.executable)")), script)
}
