//! The manifests of `examples/`: users start from them, and the demonstration applies all of them.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{errors, parse_yaml, warnings};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView},
    defaults::{self, Defaults},
    validate::{Findings, ValidateUpdate, review},
};

/// Returns the files of a directory below `examples/`, with their texts.
fn example_files(folder: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples")).join(folder);
    let mut files: Vec<(String, String)> = fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|path| !path.to_string_lossy().ends_with("_test.yaml"))
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("text")))
        .collect();
    files.sort();
    files
}

/// Returns the manifests in a file. Each document contains one.
fn documents(text: &str) -> Vec<Value> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        match (line, documents.last_mut()) {
            ("---", _) => documents.push(String::new()),
            (line, Some(last)) => *last += &format!("{line}\n"),
            (_, None) => {}
        }
    }
    documents.iter().map(|document| parse_yaml(document)).collect()
}

/// Validates a manifest like the admission webhooks.
fn admit(manifest: &Value) -> Findings {
    match manifest["kind"].as_str().unwrap_or_default() {
        "KasprApp" => admit_as::<KasprApp>(manifest),
        "KasprAgent" => admit_as::<KasprAgent>(manifest),
        "KasprTable" => admit_as::<KasprTable>(manifest),
        "KasprTask" => admit_as::<KasprTask>(manifest),
        "KasprWebView" => admit_as::<KasprWebView>(manifest),
        "KasprJoin" => admit_as::<KasprJoin>(manifest),
        other => panic!("unknown kind {other:?}"),
    }
}

fn admit_as<T: Defaults + ValidateUpdate + DeserializeOwned + Serialize>(manifest: &Value) -> Findings {
    let mut filled = manifest.clone();
    defaults::apply_defaults::<T>(&mut filled);
    let resource: T = serde_json::from_value(filled).unwrap_or_else(|e| panic!("{manifest}: {e}"));
    let read = serde_json::to_value(&resource).expect("a resource");
    assert_eq!(unknown_fields(manifest, &read, ""), Vec::<String>::new(), "unknown fields");
    review(&resource, None, None)
}

/// Returns the fields that the types do not have.
fn unknown_fields(written: &Value, read: &Value, path: &str) -> Vec<String> {
    match written {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match read.get(name) {
                Some(read) => unknown_fields(value, read, &format!("{path}.{name}")),
                None => vec![format!("{path}.{name}")],
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(i, item)| unknown_fields(item, &read[i], &format!("{path}[{i}]")))
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn examples_are_accepted() {
    assert!(example_files("").len() >= 10);
    for (file, text) in example_files("") {
        for manifest in documents(&text) {
            let found = admit(&manifest);
            assert_eq!(
                (errors(&found), warnings(&found)),
                (Vec::new(), Vec::new()),
                "{file}: {}",
                manifest["metadata"]["name"]
            );
        }
    }
}

/// Manifests that the Python operator accepted.
#[test]
fn recorded_manifests_are_accepted() {
    for (file, text) in
        example_files("../tests/golden/full").into_iter().chain(example_files("../tests/golden/minimal"))
    {
        let manifests = documents(&text);
        let resources = manifests.iter().filter(|manifest| manifest["kind"].as_str() != Some("Secret"));
        for manifest in resources {
            assert_eq!(errors(&admit(manifest)), Vec::<String>::new(), "{file}");
        }
    }
}

#[test]
fn each_refused_example_has_the_error_in_its_first_line() {
    assert!(example_files("refused").len() >= 12);
    for (file, text) in example_files("refused") {
        let expected = text.lines().next().and_then(|line| line.strip_prefix("# refused: "));
        let found: Vec<String> =
            documents(&text).iter().flat_map(|manifest| errors(&admit(manifest))).collect();
        assert_eq!(found, [expected.unwrap_or_default()], "{file}");
    }
}

/// All examples can be applied to one namespace.
#[test]
fn names_are_unique() {
    let mut names = BTreeSet::new();
    for (file, text) in example_files("").into_iter().chain(example_files("refused")) {
        for manifest in documents(&text) {
            let name = (manifest["kind"].to_string(), manifest["metadata"]["name"].to_string());
            assert!(names.insert(name), "{file}: {}", manifest["metadata"]["name"]);
        }
    }
}

/// A component belongs to the app of its file. Its tables are in the same file, with as many partitions as
/// their topics.
#[test]
fn files_are_consistent() {
    for (file, text) in example_files("") {
        let manifests = documents(&text);
        let of_kind =
            |kind: &str| manifests.iter().filter(|manifest| manifest["kind"] == kind).collect::<Vec<_>>();
        let [app] = of_kind("KasprApp")[..] else { panic!("{file}: must have one app") };
        let tables = of_kind("KasprTable");
        let table = |name: &Value| {
            tables
                .iter()
                .find(|table| table["metadata"]["name"] == *name)
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
        for join in of_kind("KasprJoin") {
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
