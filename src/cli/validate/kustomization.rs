//! Files that a kustomization uses as patches or settings: they look like resources, but are incomplete.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::compose;

/// Names of a kustomization in its directory.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Fields that list paths of files that are not resources.
const PATH_LISTS: [&str; 6] =
    ["patchesStrategicMerge", "transformers", "generators", "validators", "configurations", "crds"];

/// Fields that list objects with a field `path`.
const OBJECTS_WITH_PATH: [&str; 3] = ["patches", "patchesJson6902", "replacements"];

/// Fields that list objects with lists of files.
const GENERATORS: [&str; 2] = ["configMapGenerator", "secretGenerator"];

/// Files that are not resources, by the directory of the kustomization that names them.
#[derive(Default)]
pub(super) struct KustomizationFiles {
    directories: BTreeSet<PathBuf>,
    files: BTreeSet<PathBuf>,
}

impl KustomizationFiles {
    /// Reads the kustomization of a directory, if there is one.
    pub(super) fn add_directory(&mut self, directory: &Path) {
        if !self.directories.insert(directory.to_owned()) {
            return;
        }
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let Some(text) = NAMES.iter().find_map(|name| fs::read_to_string(directory.join(name)).ok()) else {
            return;
        };
        // What is not valid YAML is a finding only if it is a resource.
        let Ok(kustomization) = compose::parse(&text) else { return };
        let resources: Vec<&str> = texts(&kustomization["resources"]).collect();
        let named = file_names(&kustomization).filter(|name| !resources.contains(name));
        // A file that does not exist, or text that is not a path, cannot be an input.
        self.files.extend(named.filter_map(|name| fs::canonicalize(directory.join(name)).ok()));
    }

    /// Returns whether a file is not a resource.
    #[must_use]
    pub(super) fn contains(&self, file: &Path) -> bool {
        !self.files.is_empty() && fs::canonicalize(file).is_ok_and(|file| self.files.contains(&file))
    }
}

/// Returns the paths in a kustomization, and inline patches.
fn file_names(kustomization: &Value) -> impl Iterator<Item = &str> {
    let listed = PATH_LISTS.iter().flat_map(|field| texts(&kustomization[*field]));
    let objects = OBJECTS_WITH_PATH.iter().flat_map(|field| items(&kustomization[*field]));
    let generators = GENERATORS.iter().flat_map(|field| items(&kustomization[*field]));
    let generated = generators.flat_map(|generator| {
        // An entry may have the form KEY=FILE.
        let files = texts(&generator["files"]).chain(texts(&generator["envs"]));
        files.map(|entry| entry.split_once('=').map_or(entry, |(_, file)| file))
    });
    let values = items(&kustomization["helmCharts"]).filter_map(|chart| chart["valuesFile"].as_str());
    let open_api = kustomization["openapi"]["path"].as_str();
    listed
        .chain(objects.filter_map(|object| object["path"].as_str()))
        .chain(generated)
        .chain(values)
        .chain(open_api)
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    items(list).filter_map(Value::as_str)
}
