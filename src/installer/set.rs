//! What a set is called, and what it knows of itself.

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};

use super::python::Python;

/// The file in a set that tells of it.
pub const SET_FILE: &str = ".kaspr-set.json";

/// The name of a set: what was asked for, and the Python that it is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SetName {
    /// The hash of what was asked for.
    pub hash: String,
    /// The Python.
    pub python: Python,
}

impl SetName {
    /// What the published operator adds to a hash: the version of Python alone.
    pub fn published(&self) -> String {
        format!("{}-py{}", self.hash, self.python.version)
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Python { version, tag, machine, libc } = &self.python;
        // CPython's usual builds need no more words than the version.
        let usual = format!("cpython-{}", version.replace('.', ""));
        let tag = if *tag == usual { String::new() } else { format!("-{tag}") };
        write!(f, "{}-py{version}{tag}-linux-{machine}-{libc}", self.hash)
    }
}

/// What a set knows of itself.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetInfo {
    /// Its name.
    pub name: String,
    /// Packages with their versions, those that were asked for first.
    pub installed: Vec<String>,
    /// The member that installed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_by: Option<String>,
}

impl SetInfo {
    /// What the set in a folder knows; none if there is no whole set.
    pub fn read(folder: &Path) -> Option<Self> {
        let text = std::fs::read(folder.join(SET_FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }
}
