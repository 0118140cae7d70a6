//! What `test` prints.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use super::{RETURNS, folder, test};
use crate::harness::BINARY;

const TESTS: &str = "tests:
- name: a paid order is counted
  tables: {counts: {book: 1}}
  send: [{topic: orders, value: {page: book, paid: true}}]
  expect:
    topics: {order-counts: [{value: {page: book, n: 3}}]}
    tables: {counts: {book: 2}}
- name: an order without a page
  send: [{topic: orders, value: {paid: true}}]
- name: the task
  run: {task: sweep}
  expect: {topics: {sweeps: [{value: {swept: {$any: integer}}}]}}
";

#[test]
fn differences_and_lines_of_manifests_are_shown() {
    let folder = folder(RETURNS, TESTS);
    let (code, stdout, stderr) = test(folder.path(), &["shop_test.yaml"]);
    let (stdout, _) = stdout.rsplit_once(" (").expect("a duration");
    let expected = "shop_test.yaml
  FAILED  a paid order is counted  (shop_test.yaml:2)
    topics.order-counts: differs
      - expected  + got
        - value:
      -     \"n\": 3
      +     \"n\": 2
            page: book
  FAILED  an order without a page  (shop_test.yaml:8)
    error: the code raised an exception
      KeyError: 'page'
        at shop.yaml:31, in count
          page = order[\"page\"]
        in KasprAgent counter, operation count
  passed  the task
3 tests: 1 passed, 2 failed";
    assert_eq!((code, stdout, stderr.as_str()), (1, expected, ""));
    assert_eq!(test(folder.path(), &["shop_test.yaml", "--filter", "the task"]).0, 0);
}

#[test]
fn machines_read_results() {
    let folder = folder(RETURNS, TESTS);
    let (_, github, _) = test(folder.path(), &[".", "--format", "github"]);
    let lines: Vec<&str> = github.lines().collect();
    assert_eq!(lines.len(), 2, "{github}");
    assert!(
        lines[0]
            .starts_with("::error file=shop_test.yaml,line=2,title=test failed%3A a paid order is counted::"),
        "{github}"
    );
    assert!(lines[1].starts_with("::error file=shop.yaml,line=31,title=test failed%3A an order without a page::    error: the code raised an exception%0A"), "{github}");
    let (code, junit, _) = test(folder.path(), &[".", "--format", "junit"]);
    assert_eq!(code, 1);
    for part in [
        r#"<testsuites name="kaspr-operator test" tests="3" failures="2" errors="0""#,
        r#"<testsuite name="shop_test.yaml" tests="3" disabled="0" errors="0" failures="2">"#,
        r#"<failure message="error: the code raised an exception">"#,
    ] {
        assert!(junit.contains(part), "{part}\n{junit}");
    }
    let (_, json, _) = test(folder.path(), &[".", "--format", "json"]);
    let second: serde_json::Value = serde_json::from_str(json.lines().nth(1).expect("a line")).expect("JSON");
    let error = serde_json::json!({
        "type": "KeyError", "message": "'page'", "kind": "KasprAgent", "name": "counter", "operation": "count",
        "file": "shop.yaml", "line": 31,
    });
    assert_eq!(second["errors"], serde_json::json!([error]));
}

#[test]
fn code_that_no_test_reached_is_listed() {
    let folder =
        folder(RETURNS, "tests:\n- name: one\n  send: [{topic: orders, value: {page: a, paid: true}}]\n");
    let (code, stdout, _) = test(folder.path(), &["shop_test.yaml", "--coverage"]);
    let listed: Vec<&str> = stdout.lines().filter(|line| line.starts_with("not covered")).collect();
    assert_eq!(
        listed,
        [
            "not covered: shop.yaml:23: KasprAgent counter: spec.processors.operations[0].filter: it drops no value",
            "not covered: shop.yaml:51: KasprTask sweep: spec.processors.operations[0].map: no test runs it",
            "not covered: shop.yaml:54: KasprTask sweep: spec.processors.operations[1].topicSend: no test runs it",
        ]
    );
    assert_eq!(code, 0);
}

#[test]
fn what_came_is_recorded_and_then_passes() {
    const TESTS: &str = "# Kept.
tests:
- name: counts # also kept
  send: [{topic: orders, value: {page: book, paid: true}}]
- name: has an expectation
  run: {task: sweep}
  expect: {topics: {}}
- name: fails
  send:
  - topic: orders
    value: {paid: true}
";
    let folder = folder(RETURNS, TESTS);
    let (code, stdout, _) = test(folder.path(), &["shop_test.yaml", "--record"]);
    assert!(stdout.ends_with("recorded what came in 2 tests: review it before you commit\n"), "{stdout}");
    assert_eq!(code, 1);
    let recorded = fs::read_to_string(folder.path().join("shop_test.yaml")).expect("the file");
    assert_eq!(
        recorded,
        "# Kept.
tests:
- name: counts # also kept
  send: [{topic: orders, value: {page: book, paid: true}}]
  expect:
    tables:
      counts:
        book: 1
    topics:
      order-counts:
      - value:
          \"n\": 1
          page: book
- name: has an expectation
  run: {task: sweep}
  expect: {topics: {}}
- name: fails
  send:
  - topic: orders
    value: {paid: true}
  expect:
    error:
      line: 2
      message: \"'page'\"
      operation: count
      type: KeyError
"
    );
    let (code, stdout, _) = test(folder.path(), &["shop_test.yaml"]);
    assert_eq!(code, 0, "{stdout}");
}

#[test]
fn tests_run_again_when_a_file_changes() {
    let folder = folder(RETURNS, "tests:\n- name: one\n  run: {task: sweep}\n");
    let mut child = Command::new(BINARY)
        .args(["test", "shop_test.yaml", "--watch"])
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let mut waiting = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    let mut summary = || output.find(|line| line.contains(" passed, ")).expect("a summary");
    assert!(summary().starts_with("1 test: 1 passed, 0 failed"));
    assert_eq!(waiting.next().as_deref(), Some("waiting for changes; press Ctrl-C to stop"));
    let manifest = folder.path().join("shop.yaml");
    let broken =
        fs::read_to_string(&manifest).expect("text").replace("return {'swept': 1}", "raise ValueError");
    fs::write(&manifest, broken).expect("a file");
    assert!(summary().starts_with("1 test: 0 passed, 1 failed"));
    child.kill().expect("a process");
    child.wait().expect("an exit");
}
