//! Open documents, with the other files of their folders.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use ls_types::{Diagnostic, PublishDiagnosticsParams, Uri};
use lsp_server::Notification;

use super::{
    diagnostics::{diagnostic, diagnostics},
    names::FolderNames,
};
use crate::cli::{
    test::test_file_finding,
    validate::{Input, ManifestFolder, ManifestSet, is_test_file, read_file},
};

/// Namespace of manifests that do not set one, as for `validate`.
const NAMESPACE: &str = "default";

/// Documents that are open in the editor.
#[derive(Default)]
pub(super) struct Workspace {
    documents: BTreeMap<PathBuf, OpenDocument>,
    /// Names in the last valid state of each folder.
    names: BTreeMap<PathBuf, FolderNames>,
    /// Folders to validate.
    changed: BTreeSet<PathBuf>,
}

/// An open document.
struct OpenDocument {
    uri: Uri,
    text: String,
}

impl Workspace {
    /// Opens a document, or replaces its text.
    pub(super) fn set_text(&mut self, uri: Uri, text: String) {
        self.set_changed(&uri);
        if let Some(path) = path_of(&uri) {
            self.documents.insert(path, OpenDocument { uri, text });
        }
    }

    /// Validates the folder of a document at the next pause.
    pub(super) fn set_changed(&mut self, uri: &Uri) {
        self.changed.extend(path_of(uri).and_then(|path| Some(path.parent()?.to_owned())));
    }

    /// Closes a document. Returns the notification that removes its diagnostics.
    pub(super) fn close(&mut self, uri: Uri) -> Option<Notification> {
        self.set_changed(&uri);
        self.documents.remove(&path_of(&uri)?)?;
        Some(publish(uri, Vec::new()))
    }

    /// Returns the text of an open document, and the names in its folder.
    #[must_use]
    pub(super) fn document(&self, path: &Path) -> Option<(&str, Option<&FolderNames>)> {
        let names = path.parent().and_then(|folder| self.names.get(folder));
        Some((&self.documents.get(path)?.text, names))
    }

    /// Returns whether there are changes that have not been validated.
    #[must_use]
    pub(super) fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Validates folders with changes. Returns the diagnostics of their open documents.
    #[must_use]
    pub(super) fn check_changes(&mut self) -> Vec<Notification> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().flat_map(|folder| self.check_folder(folder)).collect()
    }

    fn check_folder(&mut self, directory: &Path) -> Vec<Notification> {
        let folder = ManifestFolder::new(directory);
        let open = self.documents.keys().filter(|path| path.parent() == Some(directory));
        let open = open.filter(|path| folder.contains(path)).cloned();
        let paths: BTreeSet<PathBuf> = folder.files().into_iter().chain(open).collect();
        let inputs = paths.iter().map(|path| match self.documents.get(path) {
            Some(document) => Input::of_text(path, document.text.clone()),
            None => read_file(path),
        });
        let set = ManifestSet::of_inputs(inputs.collect(), NAMESPACE);
        if !set.has_unreadable() {
            self.names.insert(directory.to_owned(), FolderNames::of(&set));
        }
        let mut published = Vec::new();
        for (input, path) in paths.iter().enumerate() {
            if let Some(document) = self.documents.get(path) {
                published.push(publish(document.uri.clone(), diagnostics(&set, input)));
            }
        }
        let is_test = |path: &&PathBuf| path.parent() == Some(directory) && is_test_file(path);
        for path in self.documents.keys().filter(is_test) {
            let OpenDocument { uri, text } = &self.documents[path];
            let input = Input::of_text(path, text.clone());
            let finding = test_file_finding(&input);
            published
                .push(publish(uri.clone(), finding.iter().map(|found| diagnostic(found, &input)).collect()));
        }
        published
    }
}

/// Returns the path of a document. `None` if it is not a file, such as an old version of a file.
#[must_use]
pub(super) fn path_of(uri: &Uri) -> Option<PathBuf> {
    uri.to_file_path().filter(|_| uri.as_str().starts_with("file:")).map(|path| path.into_owned())
}

fn publish(uri: Uri, diagnostics: Vec<Diagnostic>) -> Notification {
    let params = PublishDiagnosticsParams { uri, diagnostics, version: None };
    Notification::new("textDocument/publishDiagnostics".to_owned(), params)
}
