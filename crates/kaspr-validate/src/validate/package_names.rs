//! Names of the Python packages of an app.

use std::collections::BTreeSet;

use crate::api::{PythonPackages, distribution};

/// The packages of an app, as far as their names are known.
#[derive(Clone, Debug, Default)]
pub(super) struct PackageNames {
    /// Normalized names.
    pub names: BTreeSet<String>,
    /// Whether a package may have any name, such as one of a repository.
    pub any: bool,
}

impl PackageNames {
    /// Reads the packages of an app.
    pub(super) fn of(packages: Option<&PythonPackages>) -> Self {
        let mut all = Self::default();
        for text in packages.into_iter().flat_map(|packages| &packages.packages) {
            match distribution::name_of(text) {
                Some(name) => _ = all.names.insert(name),
                None => all.any = true,
            }
        }
        all
    }
}
