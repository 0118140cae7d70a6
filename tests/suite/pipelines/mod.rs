//! `test`: the pipelines of manifests, with messages of test files.

mod files;
mod isolation;
mod results;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::harness::{BINARY, text};

/// An app with an agent that adds 1, a table that counts, a webview that reads it and a task.
const MANIFESTS: &str = r#"apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: shop}
spec: {bootstrapServers: "kafka:9092", config: {topicPartitions: 1}, storage: {type: ephemeral}}
---
apiVersion: kaspr.io/v1alpha1
kind: KasprTable
metadata: {name: counts, labels: {kaspr.io/app: shop}}
spec: {name: counts, global: true, keySerializer: json, valueSerializer: json}
---
apiVersion: kaspr.io/v1alpha1
kind: KasprAgent
metadata: {name: counter, labels: {kaspr.io/app: shop}}
spec:
  input: {topic: {name: orders, valueSerializer: json}}
  processors:
    pipeline: [paid, count]
    operations:
    - name: paid
      filter:
        entrypoint: paid
        python: |
          def paid(order):
              return order["paid"]
    - name: count
      tables: [{name: counts, paramName: counts}]
      map:
        entrypoint: count
        python: |
          def count(order, counts):
              page = order["page"]
              counts[page] = (counts.get(page) or 0) + 1
              return {"page": page, "n": counts[page]}
  output:
    topics:
    - {name: order-counts, valueSerializer: json}
---
apiVersion: kaspr.io/v1alpha1
kind: KasprTask
metadata: {name: sweep, labels: {kaspr.io/app: shop}}
spec:
  name: sweep
  schedule: {interval: 30s}
  processors:
    pipeline: [run, send]
    operations:
    - name: run
      map:
        entrypoint: run
        python: |
          CODE
    - name: send
      topicSend: {name: sweeps, valueSerializer: json}
"#;

/// Writes manifests, in which the task runs this code, and a test file. Returns their folder.
fn folder(code: &str, tests: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let code = code.trim().replace('\n', "\n          ");
    fs::write(folder.path().join("shop.yaml"), MANIFESTS.replace("CODE", &code)).expect("a file");
    fs::write(folder.path().join("shop_test.yaml"), tests).expect("a file");
    folder
}

/// Code of a task that returns a value.
const RETURNS: &str = "def run():\n    return {'swept': 1}";

/// Runs `test` in a folder. Returns the exit code and the output.
fn test(folder: &Path, args: &[&str]) -> (i32, String, String) {
    test_with(folder, args, &[])
}

/// Runs `test` with variables, each `NAME=VALUE`.
fn test_with(folder: &Path, args: &[&str], variables: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = Command::new(BINARY)
        .arg("test")
        .args(args)
        .envs(variables.iter().filter_map(|variable| variable.split_once('=')))
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("SECRET_OF_THE_CALLER", "hush")
        .output()
        .expect("the binary");
    (status.code().expect("an exit code"), text(&stdout), text(&stderr))
}

/// Runs `test` with the JSON format. Returns the name, the status and the first failure of each test.
fn results(folder: &Path, args: &[&str]) -> Vec<(String, String, String)> {
    let args = [&["--format", "json", "."], args].concat();
    let (_, stdout, stderr) = test(folder, &args);
    assert_eq!(stderr, "");
    let line = |line: &str| {
        let result: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let failure = &result["failures"][0];
        let errors = result["errors"].as_array().into_iter().flatten();
        let errors = errors.map(|error| format!(" {}: {}", error["type"], error["message"]));
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let shown = format!(
            "{}: {}{}",
            text(&failure["what"]),
            text(&failure["message"]),
            errors.collect::<String>()
        );
        (
            text(&result["name"]),
            text(&result["status"]),
            if failure.is_null() { String::new() } else { shown },
        )
    };
    stdout.lines().map(line).collect()
}

#[test]
fn tests_of_examples_pass() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (code, stdout, stderr) = test(root, &["examples", "--coverage"]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    for kind in ["agent", "application", "batches", "join", "table", "task", "webview"] {
        assert!(stdout.contains(&format!("examples/{kind}_test.yaml\n")), "{stdout}");
    }
}

/// The first test of the guide fails as the guide shows, and passes with the right value.
#[test]
fn the_guide_leads_to_a_passing_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/testing.md")).expect("the page");
    let block = |language: &str| {
        let start = page.find(&format!("```{language}\n")).expect("a block") + language.len() + 4;
        page[start..].split("```").next().unwrap_or_default().to_owned()
    };
    let folder = tempfile::tempdir().expect("a folder");
    fs::copy(root.join("examples/application.yaml"), folder.path().join("application.yaml")).expect("a file");
    let tests = block("yaml");
    fs::write(folder.path().join("shop_test.yaml"), &tests).expect("a file");
    let (_, stdout, _) = test(folder.path(), &["shop_test.yaml"]);
    let without_time = |text: &str| text.rsplit_once(" (").map(|(text, _)| text.to_owned());
    let shown = block("console");
    let (_, shown) = shown.split_once('\n').expect("a command");
    assert_eq!(without_time(&stdout), without_time(shown));
    fs::write(folder.path().join("shop_test.yaml"), tests.replace("ada: 13", "ada: 12.5")).expect("a file");
    assert_eq!(test(folder.path(), &["shop_test.yaml"]).0, 0);
}

/// What the framework does, as far as the harness reproduces.
#[test]
fn the_harness_behaves_as_the_framework() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("python3").arg("tests/pipelines/test_harness.py").current_dir(root).output();
    let output = output.expect("Python");
    assert!(output.status.success(), "{}", text(&output.stderr));
}
