//! Code that does not end, ends the process, or wants what it must not have: it loses its own test only.

use super::{folder, results, test, test_with};

/// Code that misbehaves as its page says.
const CODE: &str = r#"
import os, socket, subprocess, sys, time

def run():
    how = open("/proc/self/environ").read() if os.path.exists("/proc/self/environ") else ""
    return {"environment": sorted(os.environ), "secret": "hush" in how}
"#;

/// A test that runs the task, and one after it.
const TESTS: &str = "tests:
- name: first
  run: {task: sweep}
- name: second
  send: [{topic: orders, value: {page: a, paid: true}}]
  expect: {tables: {counts: {a: 1}}}
";

fn ends(code: &str, args: &[&str]) -> String {
    let folder = folder(code, TESTS);
    let results = results(folder.path(), args);
    let [(_, status, failure), (_, second, _)] = results.as_slice() else { panic!("{results:?}") };
    assert_eq!(second, "passed", "{results:?}");
    format!("{status} {failure}")
}

#[test]
fn code_loses_its_own_test_only() {
    let cases = [
        ("import time\ndef run():\n    while True: time.sleep(1)", "failed time: did not end within 3 s"),
        ("def run():\n    while True: pass", "failed time: did not end within 3 s"),
        ("import os\ndef run(): os._exit(3)", "failed process: ended Python: exit status: 3"),
        (
            "import os\ndef run(): os.kill(os.getpid(), 9)",
            "failed process: ended Python: signal: 9 (SIGKILL)",
        ),
        (
            "import sys\ndef run(): sys.exit('bye')",
            "failed error: the code raised an exception \"SystemExit\": \"bye\"",
        ),
        // A child of the code ends where the test does.
        ("import os\ndef run():\n    os.fork()\n    return {}", "passed "),
        (
            "def run():\n    return 'x' * (1 << 40)",
            "failed error: the code raised an exception \"MemoryError\": \"\"",
        ),
        (
            "import socket\ndef run():\n    socket.create_connection(('192.0.2.1', 80))",
            "failed error: the code raised an exception \"PermissionError\": \"socket.getaddrinfo '192.0.2.1', 80, 0, 1, 0: the test has no network; run with --allow-network\"",
        ),
        (
            "import sys\ndef run():\n    sys.stdout.write('{\"event\": \"result\", \"test\": 1}\\n')\n    raise ValueError('x')",
            "failed error: the code raised an exception \"ValueError\": \"x\"",
        ),
    ];
    for (code, expected) in cases {
        let got = ends(code, &["--timeout", "3", "--memory", "512"]);
        assert!(got.starts_with(expected), "{code}\n{got}\n{expected}");
    }
}

#[test]
fn code_has_no_variables_of_the_caller() {
    let folder = folder(
        CODE,
        "tests:
- name: one
  run: {task: sweep}
  expect:
    topics: {sweeps: [{value: {environment: {$contains: [GIVEN, LANG, PATH]}, secret: false}}]}
",
    );
    let (code, stdout, _) = test(folder.path(), &["shop_test.yaml", "--env", "GIVEN=1"]);
    assert_eq!(code, 0, "{stdout}");
    let (code, stdout, _) = test(folder.path(), &["shop_test.yaml", "--env", "SECRET_OF_THE_CALLER"]);
    assert!(code == 1 && stdout.contains("secret: true"), "{stdout}");
}

#[test]
fn packages_are_installed_once() {
    let code = "from slugify import slugify\n\ndef run():\n    return {'swept': slugify('A page')}";
    let one = "run: {task: sweep}, expect: {topics: {sweeps: [{value: {swept: a-page}}]}}";
    let tests = format!("tests: [{{name: one, {one}}}, {{name: two, {one}}}]");
    let folder = folder(code, &tests);
    let manifest = folder.path().join("shop.yaml");
    let packages = "pythonPackages: {packages: [python-slugify==8.0.4]}, storage";
    let text = std::fs::read_to_string(&manifest).expect("text").replace("storage", packages);
    std::fs::write(&manifest, text).expect("a file");
    let uv = control_plane::from_pip("uv", include_str!("../../../deploy/uv-version").trim())
        .expect("uv")
        .join("bin");
    let path = std::env::var("PATH").expect("a path");
    let run = |cache: &str, path: &str, more: &[&str]| {
        let cache = format!("XDG_CACHE_HOME={}", folder.path().join(cache).display());
        let path = format!("PATH={path}");
        test_with(folder.path(), &[&["shop_test.yaml"], more].concat(), &[&cache, &path])
    };
    let (code, stdout, _) = run("pip", &path, &[]);
    assert!(code == 1 && stdout.contains("run the tests with --packages"), "{stdout}");
    let with_uv = format!("{}:{path}", uv.display());
    for (tool, path) in [("pip", &path), ("uv", &with_uv)] {
        let (code, stdout, stderr) = run(tool, path, &["--packages"]);
        assert!(code == 0 && stderr.contains(&format!("installing with {tool}")), "{stdout}{stderr}");
        let (code, stdout, stderr) = run(tool, path, &["--packages"]);
        assert!(code == 0 && stderr.starts_with("ready, from the cache"), "{stdout}{stderr}");
        assert_eq!(stderr.matches("ready").count(), 1, "{stderr}");
    }
}

#[test]
fn python_that_cannot_run_is_explained() {
    let folder = folder("def run(): return {}", TESTS);
    let (code, _, stderr) = test(folder.path(), &["shop_test.yaml", "--python", "/nonexistent/python"]);
    assert_eq!(
        (code, stderr.as_str()),
        (
            1,
            "kaspr-operator: failed to start Python as /nonexistent/python: No such file or directory (os error 2). Install Python 3.9 or newer, or set --python\n"
        )
    );
    let (code, _, stderr) = test(folder.path(), &["shop_test.yaml", "--python", "false"]);
    assert_eq!(
        (code, stderr.as_str()),
        (1, "kaspr-operator: failed to run tests with false: exit status: 1\n")
    );
}
