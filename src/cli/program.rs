//! Name under which the program was started.

use std::{ffi::OsStr, path::Path};

/// Returns whether the program was started as a kubectl plugin, under the name `kubectl-kaspr`.
#[must_use]
pub(super) fn is_kubectl_plugin() -> bool {
    let started_as = std::env::args_os().next();
    started_as.is_some_and(|path| Path::new(&path).file_name() == Some(OsStr::new("kubectl-kaspr")))
}

/// Returns the program name that error messages start with.
#[must_use]
pub(super) fn program_name() -> &'static str {
    if is_kubectl_plugin() { "kubectl kaspr" } else { "kaspr-operator" }
}
