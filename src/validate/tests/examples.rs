//! The manifests of `examples/`: people start from them, and the demonstration applies them all.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{errors, warnings, yaml};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView},
    defaults::{self, Defaults},
    validate::{Findings, ValidateUpdate, review},
};

/// The files of a folder under `examples/`, with their texts.
fn files(folder: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(folder);
    let mut files: Vec<(String, String)> = fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("text")))
        .collect();
    files.sort();
    files
}

/// The manifests in a file. Apart from comments, each document holds one.
fn documents(text: &str) -> Vec<Value> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        match (line, documents.last_mut()) {
            ("---", _) => documents.push(String::new()),
            (line, Some(last)) => *last += &format!("{line}\n"),
            (_, None) => {}
        }
    }
    documents.iter().map(|document| yaml(document)).collect()
}

/// What the admission webhooks would say of a manifest.
fn admitted(manifest: &Value) -> Findings {
    match manifest["kind"].as_str().unwrap_or_default() {
        "KasprApp" => admitted_as::<KasprApp>(manifest),
        "KasprAgent" => admitted_as::<KasprAgent>(manifest),
        "KasprTable" => admitted_as::<KasprTable>(manifest),
        "KasprTask" => admitted_as::<KasprTask>(manifest),
        "KasprWebView" => admitted_as::<KasprWebView>(manifest),
        "KasprJoin" => admitted_as::<KasprJoin>(manifest),
        other => panic!("{other:?} is no kind of ours"),
    }
}

fn admitted_as<T: Defaults + ValidateUpdate + DeserializeOwned + Serialize>(manifest: &Value) -> Findings {
    let mut filled = manifest.clone();
    defaults::apply_defaults::<T>(&mut filled);
    let resource: T = serde_json::from_value(filled).unwrap_or_else(|e| panic!("{manifest}: {e}"));
    let read = serde_json::to_value(&resource).expect("a resource");
    assert_eq!(lost(manifest, &read, ""), Vec::<String>::new(), "are no fields");
    review(&resource, None, None)
}

/// Fields that the types do not know.
fn lost(written: &Value, read: &Value, path: &str) -> Vec<String> {
    match written {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match read.get(name) {
                Some(read) => lost(value, read, &format!("{path}.{name}")),
                None => vec![format!("{path}.{name}")],
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(i, item)| lost(item, &read[i], &format!("{path}[{i}]")))
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn examples_are_accepted() {
    assert!(files("").len() >= 10);
    for (file, text) in files("") {
        for manifest in documents(&text) {
            let found = admitted(&manifest);
            assert_eq!(
                (errors(&found), warnings(&found)),
                (Vec::new(), Vec::new()),
                "{file}: {}",
                manifest["metadata"]["name"]
            );
        }
    }
}

/// What the published operator took from its users.
#[test]
fn recorded_manifests_are_accepted() {
    for (file, text) in files("../tests/golden/full").into_iter().chain(files("../tests/golden/minimal")) {
        let manifests = documents(&text);
        let ours = manifests.iter().filter(|manifest| manifest["kind"].as_str() != Some("Secret"));
        for manifest in ours {
            assert_eq!(errors(&admitted(manifest)), Vec::<String>::new(), "{file}");
        }
    }
}

#[test]
fn each_refused_example_has_the_mistake_that_it_names() {
    assert!(files("refused").len() >= 12);
    for (file, text) in files("refused") {
        let expected = text.lines().next().and_then(|line| line.strip_prefix("# refused: "));
        let found: Vec<String> =
            documents(&text).iter().flat_map(|manifest| errors(&admitted(manifest))).collect();
        assert_eq!(found, [expected.unwrap_or_default()], "{file}");
    }
}

/// All of them fit into one namespace.
#[test]
fn names_are_unique() {
    let mut names = BTreeSet::new();
    for (file, text) in files("").into_iter().chain(files("refused")) {
        for manifest in documents(&text) {
            let name = (manifest["kind"].to_string(), manifest["metadata"]["name"].to_string());
            assert!(names.insert(name), "{file}: {}", manifest["metadata"]["name"]);
        }
    }
}

/// A component belongs to the app of its file, and its tables stand there, with as many partitions
/// as the topic that feeds them.
#[test]
fn files_hold_together() {
    for (file, text) in files("") {
        let manifests = documents(&text);
        let of =
            |kind: &str| manifests.iter().filter(|manifest| manifest["kind"] == kind).collect::<Vec<_>>();
        let [app] = of("KasprApp")[..] else { panic!("{file}: has no app of its own") };
        let tables = of("KasprTable");
        let table = |name: &Value| {
            tables
                .iter()
                .find(|table| table["spec"]["name"] == *name)
                .unwrap_or_else(|| panic!("{file}: {name}"))
        };
        for manifest in manifests.iter().filter(|manifest| manifest["kind"] != "KasprApp") {
            assert_eq!(
                manifest["metadata"]["labels"][crate::naming::APP_LABEL],
                app["metadata"]["name"],
                "{file}"
            );
            for name in used_tables(manifest) {
                let table = &table(name)["spec"];
                let topic = &manifest["spec"]["input"]["topic"];
                if manifest["kind"] == "KasprAgent" && table["global"] != true {
                    assert_eq!(topic["partitions"], table["partitions"], "{file}: {name}");
                }
            }
        }
        for join in of("KasprJoin") {
            table(&join["spec"]["leftTable"]);
            table(&join["spec"]["rightTable"]);
        }
    }
}

fn used_tables(manifest: &Value) -> Vec<&Value> {
    let operations = manifest["spec"]["processors"]["operations"].as_array().into_iter().flatten();
    operations
        .flat_map(|operation| operation["tables"].as_array().into_iter().flatten())
        .map(|table| &table["name"])
        .collect()
}
