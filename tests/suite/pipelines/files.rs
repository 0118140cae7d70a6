//! Test files, and what is wrong with them.

use std::fs;

use super::{RETURNS, folder, test};

#[test]
fn faults_of_test_files_have_places() {
    let cases = [
        ("tests: [", 2, "unreadable", ""),
        (
            "tests:\n- name: a\n  sent: []\n",
            1,
            "test-file",
            "shop_test.yaml:3:3 tests[0].sent: unknown field `sent`, expected one of `name`, `tables`, `send`, `run`, `request`, `expect`",
        ),
        (
            "tests:\n- {name: 7}\n",
            1,
            "test-file",
            "shop_test.yaml:2:10 tests[0].name: invalid type: integer `7`, expected a string",
        ),
        (
            "app: shp\ntests: []\n",
            1,
            "test-file",
            "shop_test.yaml:1:6 app: the manifests have no KasprApp 'shp': did you mean 'shop'?",
        ),
        (
            "tests:\n- name: a\n  send: [{topic: ordrs}]\n",
            1,
            "test-file",
            "shop_test.yaml:3:18 tests[0].send[0].topic: no agent of the app reads topic 'ordrs': did you mean 'orders'?",
        ),
        (
            "tests:\n- name: a\n  send: [{value: 1}]\n",
            1,
            "test-file",
            "shop_test.yaml:3:11 tests[0].send[0]: must have a topic or a channel",
        ),
        (
            "tests:\n- name: a\n  tables: {count: {}}\n",
            1,
            "test-file",
            "shop_test.yaml:3:12 tests[0].tables.count: the app has no table 'count': did you mean 'counts'?",
        ),
        (
            "tests:\n- name: a\n  tables: {counts: 1}\n",
            1,
            "test-file",
            "shop_test.yaml:3:20 tests[0].tables.counts: invalid type: integer `1`, expected a map of keys and values, or a list of entries with `key` and `value`",
        ),
        (
            "tests:\n- name: a\n  run: {task: swep}\n",
            1,
            "test-file",
            "shop_test.yaml:3:15 tests[0].run.task: the app has no task 'swep': did you mean 'sweep'?",
        ),
        (
            "tests:\n- name: a\n  request: {path: /x}\n",
            1,
            "test-file",
            "shop_test.yaml:3:3 tests[0].request: the app has no webview",
        ),
        (
            "tests:\n- name: a\n  expect: {topics: {x: [{val: 1}]}}\n",
            1,
            "test-file",
            "shop_test.yaml:3:21 tests[0].expect.topics.x: 'a message' does not take 'val'",
        ),
        (
            "tests:\n- name: a\n  expect: {topics: {order-count: []}}\n",
            1,
            "test-file",
            "shop_test.yaml:3:21 tests[0].expect.topics.order-count: no component of the app sends to topic 'order-count': did you mean 'order-counts'?",
        ),
        (
            "tests:\n- name: a\n  expect: {errors: [{message: {$some: 1}}]}\n",
            1,
            "test-file",
            "shop_test.yaml:3:22 tests[0].expect.errors[0].message: there is no matcher '$some': use $any, $approx, $contains, $exactly, $regex or $unordered, or $exactly for a value with such a key",
        ),
        (
            "tests:\n- name: a\n  expect: {tables: {counts: {a: {$regex: '('}}}}\n",
            1,
            "test-file",
            "shop_test.yaml:3:21 tests[0].expect.tables.counts: '$regex' takes a regular expression: error: unclosed group",
        ),
        (
            "tests:\n- name: a\n  expect: {status: 200}\n",
            1,
            "test-file",
            "shop_test.yaml:3:3 tests[0].expect: 'status' and 'body' need a request",
        ),
        (
            "tests:\n- name: a\n  expect: {error: 5}\n",
            1,
            "test-file",
            "shop_test.yaml:3:19 tests[0].expect.error: invalid type: integer `5`, expected the type of an exception, or its fields",
        ),
    ];
    let folder = folder(RETURNS, "");
    for (tests, code, rule, expected) in cases {
        fs::write(folder.path().join("shop_test.yaml"), tests).expect("a file");
        let (exit, stdout, stderr) = test(folder.path(), &["shop_test.yaml", "--format", "json"]);
        assert_eq!((exit, stderr.as_str()), (code, ""), "{tests}{stdout}");
        let finding: serde_json::Value = serde_json::from_str(stdout.trim()).expect("one finding");
        assert_eq!(finding["rule"], rule, "{stdout}");
        let text = |name: &str| finding[name].as_str().unwrap_or_default();
        let got = format!(
            "{}:{}:{} {}: {}",
            text("file"),
            finding["line"],
            finding["column"],
            text("field"),
            text("message")
        );
        assert!(expected.is_empty() || got == expected, "{got}\n{expected}");
    }
}

#[test]
fn manifests_that_the_cluster_refuses_fail() {
    const TESTS: &str = "tests: [{name: a, run: {task: sweep}, expect: {error: NameError}}]";
    let refused = folder("def run():\n    return valeu", TESTS);
    let (code, stdout, stderr) = test(refused.path(), &["shop_test.yaml"]);
    assert!(stdout.contains("1 test: 1 passed, 0 failed"), "{stdout}");
    let expected = "the cluster refuses these manifests:\nerror[python-name]: KasprTask default/sweep\n  --> shop.yaml:52:";
    assert!(code == 1 && stderr.starts_with(expected), "{stderr}");
    // Without the types of the CRDs, nothing can run.
    let manifest = refused.path().join("shop.yaml");
    let text = fs::read_to_string(&manifest).expect("text").replace("interval: 30s", "interval: [30]");
    fs::write(&manifest, text).expect("a file");
    let (code, stdout, _) = test(refused.path(), &["shop_test.yaml"]);
    assert!(code == 1 && stdout.contains("error[schema]: KasprTask default/sweep"), "{stdout}");
}

#[test]
fn files_are_found() {
    let folder = folder(RETURNS, "tests: [{name: a, run: {task: sweep}}]");
    let (code, _, stderr) = test(folder.path(), &["shop.yaml"]);
    assert_eq!(
        (code, stderr.as_str()),
        (1, "kaspr-operator: no test files were found: their names end with _test.yaml or _test.yml\n")
    );
    let (code, stdout, _) = test(folder.path(), &["gone_test.yaml"]);
    assert!(code == 2 && stdout.starts_with("error[unreadable]: gone_test.yaml"), "{stdout}");
    let (code, _, stderr) = test(folder.path(), &["shop_test.yaml", "--filter", "b"]);
    assert_eq!((code, stderr.as_str()), (1, "kaspr-operator: no test has 'b' in its name\n"));
    // Manifests in another folder.
    fs::create_dir(folder.path().join("tests")).expect("a folder");
    let elsewhere = "manifests: [../shop.yaml]\ntests: [{name: a, run: {task: sweep}}]";
    fs::write(folder.path().join("tests/task_test.yaml"), elsewhere).expect("a file");
    assert_eq!(test(folder.path(), &["tests"]).0, 0);
    // Given on the command line.
    fs::write(folder.path().join("tests/task_test.yaml"), "tests: [{name: a, run: {task: sweep}}]")
        .expect("a file");
    assert_eq!(test(folder.path(), &["shop.yaml", "tests"]).0, 0);
    // `validate` reads manifests only.
    let output =
        std::process::Command::new(crate::harness::BINARY).arg("validate").arg(folder.path()).output();
    let stdout = crate::harness::text(&output.expect("the binary").stdout);
    assert!(stdout.ends_with("4 documents, 0 errors, 0 warnings\n"), "{stdout}");
}
