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

/// A webview that reads the table.
const PAGE: &str = r#"apiVersion: kaspr.io/v1alpha1
kind: KasprWebView
metadata: {name: page, labels: {kaspr.io/app: shop}}
spec:
  name: page
  request: {method: GET, path: '/counts/{page}'}
  response: {contentType: application/json}
  processors:
    pipeline: [find]
    operations:
    - name: find
      tables: [{name: counts, paramName: counts}]
      map:
        entrypoint: find
        python: |
          def find(request, page, counts):
              return {"n": counts.get(page) or 0}
"#;

/// Each expectation that does not hold fails, and says how.
#[test]
fn expectations_that_do_not_hold_fail() {
    // What a task that raises an exception, an order, and a request are expected to do.
    let cases = [
        ("run: {task: sweep}", "", "error: the code raised an exception"),
        ("run: {task: sweep}", "error: null", "error: the code raised an exception"),
        ("run: {task: sweep}", "error: ValueError", ""),
        ("run: {task: sweep}", "error: KeyError", "error: expected KeyError, but ValueError came"),
        ("run: {task: sweep}", "error: {operation: run, line: 2, component: sweep, message: no}", ""),
        ("run: {task: sweep}", "error: {operation: send}", "error: expected operation send, but it is run"),
        ("run: {task: sweep}", "error: {line: 1}", "error: expected line 1, but it is 2"),
        (
            "run: {task: sweep}",
            "error: {component: counter}",
            "error: expected component counter, but it is sweep",
        ),
        (
            "run: {task: sweep}",
            "error: {message: {$regex: ^y}}",
            "error: expected the message {\"$regex\":\"^y\"}, but it is \"no\"",
        ),
        (
            "run: {task: sweep}",
            "errors: [ValueError, ValueError]",
            "error: expected ValueError, but no exception came",
        ),
        ("run: {task: sweep}", "errors: []", "error: the code raised an exception"),
        (
            "send: [{topic: orders}, {topic: orders}]",
            "error: TypeError",
            "error: the code raised more exceptions than expected",
        ),
        (
            "send: [{topic: orders, value: {paid: true, page: a}}]",
            "error: KeyError",
            "error: expected KeyError, but no exception came",
        ),
        (
            "send: [{topic: orders, value: {paid: true, page: a}}]",
            "topics: {order-counts: []}",
            "topics.order-counts: differs",
        ),
        (
            "send: [{topic: orders, value: {paid: true, page: a}}]",
            "topics: {order-counts: [{key: b}]}",
            "topics.order-counts: differs",
        ),
        (
            "send: [{topic: orders, value: {paid: true, page: a}}]",
            "tables: {counts: {a: 1, b: 1}}",
            "tables.counts: differs",
        ),
        (
            "send: [{topic: orders, value: {paid: true, page: a}}]",
            "tables: {counts: [{key: a, value: 1}]}",
            "",
        ),
        ("request: {path: /counts/a}", "status: 404", "status: differs"),
        ("request: {path: /counts/a}", "body: {n: 1}", "body: differs"),
        ("request: {path: /counts/a}", "headers: {x: y}", "headers: differs"),
        (
            "request: {path: /counts/a}",
            "{status: 200, body: {n: 0}, headers: {content-type: application/json}}",
            "",
        ),
        ("request: {path: /nowhere}", "status: 200", "status: differs"),
        ("request: {path: /counts/a, method: POST}", "status: 405", ""),
    ];
    let mut tests = "tests:\n".to_owned();
    for (i, (step, expect, _)) in cases.iter().enumerate() {
        let expect = if expect.is_empty() || expect.starts_with('{') {
            (*expect).to_owned()
        } else {
            format!("{{{expect}}}")
        };
        tests += &format!("- name: case {i}\n  {step}\n");
        if !expect.is_empty() {
            tests += &format!("  expect: {expect}\n");
        }
    }
    let folder = folder("def run():\n    raise ValueError('no')", &tests);
    fs::write(folder.path().join("page.yaml"), PAGE).expect("a file");
    let (_, stdout, stderr) = test(folder.path(), &["shop_test.yaml", "--format", "json"]);
    assert_eq!(stderr, "");
    let lines: Vec<serde_json::Value> =
        stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), cases.len(), "{stdout}");
    for ((step, expect, expected), result) in cases.iter().zip(&lines) {
        let first = &result["failures"][0];
        let text = |name: &str| first[name].as_str().unwrap_or_default();
        let got =
            if first.is_null() { String::new() } else { format!("{}: {}", text("what"), text("message")) };
        assert_eq!(got, *expected, "{step} {expect}\n{result}");
        assert_eq!(result["status"], if expected.is_empty() { "passed" } else { "failed" }, "{result}");
    }
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
