//! What to install, and where.

use std::path::{Path, PathBuf};

use crate::installer::credentials::secrets::Secrets;

/// Packages and indexes, with all variables expanded.
#[derive(Clone)]
pub(crate) struct InstallSpec {
    /// Requirements.
    pub packages: Vec<String>,
    /// Package index in place of PyPI.
    pub index: Option<String>,
    /// Additional indexes.
    pub extra_indexes: Vec<String>,
    /// Hosts whose certificates are not verified.
    pub trusted_hosts: Vec<String>,
    /// Files with certificate authorities that are trusted in addition to those of the image.
    pub authorities: Vec<PathBuf>,
    /// Secrets that must not appear in any output.
    pub secrets: Secrets,
}

/// Directories that an installation writes to.
#[derive(Clone, Copy)]
pub(crate) struct InstallDirs<'a> {
    /// Directory of the packages.
    pub target: &'a Path,
    /// Directory for secrets; never on a shared volume.
    pub private: &'a Path,
    /// Directory for downloads.
    pub cache: &'a Path,
}
