//! `graph`: stable output in each format.

use std::{env, fs, path::PathBuf};

use serde_json::Value;
use similar_asserts::assert_eq;

use super::{APP, alone, within};
use crate::harness::Namespace;

const SET: &str = "tests/suite/plugin/graph/set.yaml";

/// Each format with the file that holds what is expected; UPDATE_GOLDEN=1 writes them.
const FORMATS: [(&str, &str); 6] = [
    ("text", "graph.txt"),
    ("mermaid", "graph.mmd"),
    ("dot", "graph.dot"),
    ("svg", "graph.svg"),
    ("json", "graph.json"),
    ("yaml", "graph.yaml"),
];

#[test]
fn each_format_is_as_recorded() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/suite/plugin/graph");
    for (format, file) in FORMATS {
        let said = alone(&["graph", SET, "-o", format], "").ok();
        let path = folder.join(file);
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &said).expect("a file");
        }
        assert_eq!(said, fs::read_to_string(&path).expect("a recorded graph"), "{format}");
    }
}

#[test]
fn an_image_has_no_external_references() {
    let said = alone(&["graph", "examples", "-o", "svg"], "").ok();
    assert!(said.contains("<svg") && said.trim_end().ends_with("</svg>"), "{said}");
    for outside in ["href=\"h", "href=\"/", "<script", "<image", "url(http", "@import"] {
        assert!(!said.contains(outside), "{outside}");
    }
    // Stable, although the layout crate uses hash maps.
    assert_eq!(alone(&["graph", "examples", "-o", "svg"], "").ok(), said);
}

#[test]
fn unusual_files() {
    let ran = alone(&["graph", "-"], "kind: Other\n");
    assert_eq!((ran.code, ran.said.as_str()), (0, ""));
    assert!(ran.noted.contains("there is nothing to draw"), "{}", ran.noted);
    assert!(alone(&["graph", "-", "-o", "svg"], "").ok().contains("<svg"));
    let ran = alone(&["graph", "-"], "kind: [kaspr.io\n");
    assert!(ran.code == 2 && ran.noted.contains("failed to read -:1"), "{ran:?}");
    let ran = alone(&["graph", "./none.yaml"], "");
    assert!(ran.code == 1 && ran.noted.contains("file './none.yaml' not found"), "{ran:?}");
    let unreadable =
        "apiVersion: kaspr.io/v1alpha1\nkind: KasprTable\nmetadata: {name: t}\nspec: {name: 1}\n";
    let ran = alone(&["graph", "-"], unreadable);
    assert!(ran.noted.contains("KasprTable t is skipped: spec.name:"), "{ran:?}");
}

/// An agent that writes what it reads, and one that reads what the other writes.
#[test]
fn cycles_are_drawn() {
    let agent = |name: &str, input: &str, output: &str| {
        format!(
            "apiVersion: kaspr.io/v1alpha1\nkind: KasprAgent\nmetadata: {{name: {name}, labels: {{kaspr.io/app: a}}}}\nspec: {{input: {{topic: {{name: {input}}}}}, output: {{topics: [{{name: {output}}}]}}}}\n---\n"
        )
    };
    let set =
        agent("one", "same", "same") + &agent("two", "here", "there") + &agent("three", "there", "here");
    for (format, _) in FORMATS {
        let said = alone(&["graph", "-", "-o", format], &set).ok();
        assert!(["one", "two", "three"].iter().all(|name| said.contains(name)), "{said}");
    }
}

#[test]
fn a_cluster_has_the_same_graph_as_the_files() {
    let namespace = Namespace::new("graph");
    namespace.apply(APP);
    let of_files = within(&namespace, &["graph", "-", "-o", "json"], APP).ok();
    assert_eq!(within(&namespace, &["graph", "clicks", "-o", "json"], "").ok(), of_files);
    assert_eq!(within(&namespace, &["graph", "-o", "json"], "").ok(), of_files);
    let graph: Value = serde_json::from_str(&of_files).expect("JSON");
    assert_eq!(graph["edges"].as_array().map(Vec::len), Some(3), "{graph}");
    let ran = within(&namespace, &["graph", "visits"], "");
    assert!(ran.code == 1 && ran.noted.contains("existing apps: clicks"), "{ran:?}");
}
