//! Name and description of a package set.

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};

use super::tool::python::Python;

/// File in a set that describes it.
pub(super) const SET_FILE: &str = ".kaspr-set.json";

/// Name of a set: the hash of the request, and the Python that the set is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SetName {
    /// Hash of the request.
    pub hash: String,
    /// The Python that imports the packages.
    pub python: Python,
}

impl SetName {
    /// Returns the name that the Python operator uses: the hash and only the version of Python.
    pub(super) fn legacy_name(&self) -> String {
        format!("{}-py{}", self.hash, self.python.version)
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Python { version, tag, machine, libc } = &self.python;
        // The tag of a regular build of CPython follows from the version, so it is omitted.
        let usual = format!("cpython-{}", version.replace('.', ""));
        let tag = if *tag == usual { String::new() } else { format!("-{tag}") };
        write!(f, "{}-py{version}{tag}-linux-{machine}-{libc}", self.hash)
    }
}

/// Description of a set, which is stored in the set.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SetInfo {
    /// Name of the set.
    pub name: String,
    /// Packages with their versions, requested packages before their dependencies.
    pub installed: Vec<String>,
    /// Name of the member that installed the set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_by: Option<String>,
}

impl SetInfo {
    /// Reads the description of the set in a directory. Returns `None` if there is no complete set.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let text = std::fs::read(folder.join(SET_FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// Returns why the directory does not contain the set of that name, or `None` if it does.
pub(super) fn name_mismatch(folder: &Path, name: &str) -> Option<String> {
    match SetInfo::read(folder) {
        Some(info) if info.name == name => None,
        Some(info) => Some(format!("archive is of {}", info.name)),
        None => Some(format!("archive has no valid {SET_FILE}")),
    }
}
