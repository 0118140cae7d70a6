//! Manifests of one directory, for programs that validate while files change.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{
    input::{is_manifest, is_test_file},
    kustomization::KustomizationFiles,
};

/// The manifests of a directory, without those of its subdirectories.
pub(in crate::cli) struct ManifestFolder {
    directory: PathBuf,
    /// Files that a kustomization names as patches or settings.
    not_resources: KustomizationFiles,
    /// Whether the files are templates of a Helm chart, which are not valid before Helm renders them.
    has_templates: bool,
}

impl ManifestFolder {
    /// Reads the kustomization of a directory, if there is one.
    #[must_use]
    pub(in crate::cli) fn new(directory: &Path) -> Self {
        let mut not_resources = KustomizationFiles::default();
        not_resources.add_directory(directory);
        let is_chart = |parent: &Path| parent.join("Chart.yaml").is_file();
        let has_templates = directory.ends_with("templates") && directory.parent().is_some_and(is_chart);
        Self { directory: directory.to_owned(), not_resources, has_templates }
    }

    /// Returns whether a file of the directory may have manifests.
    #[must_use]
    pub(in crate::cli) fn contains(&self, file: &Path) -> bool {
        is_manifest(file) && !is_test_file(file) && !self.has_templates && !self.not_resources.contains(file)
    }

    /// Returns the files that may have manifests, in the order of their names.
    #[must_use]
    pub(in crate::cli) fn files(&self) -> Vec<PathBuf> {
        let entries = WalkDir::new(&self.directory).max_depth(1).sort_by_file_name();
        let files = entries.into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
        files.map(walkdir::DirEntry::into_path).filter(|file| self.contains(file)).collect()
    }
}
