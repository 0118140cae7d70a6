//! `kaspr-operator validate`, as users and pipelines run it.

mod kubectl_reads;

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use similar_asserts::assert_eq;

use crate::harness::{BINARY, text};

/// Runs `validate`. Returns its exit code and its output.
fn validate(args: &[&str], input: &str) -> (i32, String) {
    let mut child = Command::new(BINARY)
        .arg("validate")
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("an open pipe");
    let output = child.wait_with_output().expect("an exit");
    assert_eq!(text(&output.stderr), "");
    (output.status.code().expect("an exit code"), text(&output.stdout))
}

const APP: &str = "apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: shop, namespace: prod}
spec:
  bootstrapServers: kafka:9092
  authentication: {type: scram-sha-512, username: u, passwordSecret: {secretName: s, passwordKey: p}}
  storage: {type: ephemeral}
";
const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: prod}\nstringData: {p: x}\n";
const AGENT: &str = "apiVersion: kaspr.io/v1alpha1
kind: KasprAgent
metadata:
  name: counter
  namespace: prod
  labels: {kaspr.io/app: shop}
spec:
  input: {topic: {name: orders}, take: {max: 5, within: 500ms}}
  processors:
    pipeline: [count]
    operations:
    - name: count
      tables: [{name: totals, paramName: totals}]
      map:
        python: |
          def count(value, totals):
            retrun value
";

fn set(documents: &[&str]) -> String {
    documents.join("---\n")
}

#[test]
fn what_stands_below_status_is_not_validated() {
    let app = format!("{APP}status: {{kopf: {{progress: {{}}}}, conditions: 5}}\n");
    let (code, stdout) = validate(&["-"], &set(&[&app, SECRET]));
    assert_eq!((code, stdout.as_str()), (0, "2 documents, 0 errors, 0 warnings\n"));
}

#[test]
fn text_output_shows_the_line() {
    let (code, stdout) = validate(&["-"], &set(&[APP, SECRET, AGENT]));
    assert_eq!(
        stdout,
        "error[duration]: KasprAgent prod/counter
  --> -:21:57
   |
21 |   input: {topic: {name: orders}, take: {max: 5, within: 500ms}}
   |                                                         ^^^^^ spec.input.take.within: Invalid value: \"500ms\": must be digits and one of 's', 'm', 'h', 'd', such as '5s'

error[table-missing]: KasprAgent prod/counter
  --> -:26:23
   |
26 |       tables: [{name: totals, paramName: totals}]
   |                       ^^^^^^ spec.processors.operations[0].tables[0].name: Not found: \"totals\": must be the name of a KasprTable of the app: none exist

error[python-syntax]: KasprAgent prod/counter
  --> -:30:20
   |
30 |             retrun value
   |                    ^^^^^ spec.processors.operations[0].map.python: Invalid value: \"  retrun value\": line 2, column 10: simple statements must be separated by newlines or semicolons

3 documents, 3 errors, 0 warnings
"
    );
    assert_eq!(code, 1);
}

#[test]
fn json_output_has_one_object_on_each_line() {
    let (code, stdout) = validate(&["-", "--format", "json"], &set(&[APP, SECRET, AGENT]));
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(
        lines[0],
        json!({
            "file": "-", "line": 21, "column": 57, "kind": "KasprAgent", "namespace": "prod", "name": "counter",
            "field": "spec.input.take.within", "severity": "error", "rule": "duration",
            "message": "Invalid value: \"500ms\": must be digits and one of 's', 'm', 'h', 'd', such as '5s'",
        })
    );
    assert_eq!((lines.len(), code), (3, 1));
}

#[test]
fn github_output_has_workflow_commands() {
    let (code, stdout) = validate(&["-", "--format", "github"], &set(&[APP, SECRET, AGENT]));
    assert_eq!(
        stdout.lines().next().expect("a line"),
        "::error file=-,line=21,col=57,title=duration::KasprAgent counter: spec.input.take.within: Invalid value: \"500ms\": must be digits and one of 's', 'm', 'h', 'd', such as '5s'"
    );
    assert_eq!(code, 1);
}

#[test]
fn sarif_output_has_rules_and_locations() {
    let (code, stdout) = validate(&["-", "--format", "sarif"], &set(&[APP, SECRET, AGENT]));
    let log: Value = serde_json::from_str(&stdout).expect("JSON");
    let run = &log["runs"][0];
    let result = &run["results"][0];
    let rule = result["ruleIndex"].as_u64().expect("an index") as usize;
    assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
    assert_eq!(
        result["locations"][0]["physicalLocation"],
        json!({
            "artifactLocation": { "uri": "-" },
            "region": { "startLine": 21, "startColumn": 57, "endColumn": 62 },
        })
    );
    assert_eq!((log["version"].as_str(), result["level"].as_str(), code), (Some("2.1.0"), Some("error"), 1));
}

/// Rows of manifests, flags, exit code, and the rule and field of each finding.
#[test]
fn exit_codes() {
    let bare = "apiVersion: kaspr.io/v1alpha1\nkind: KasprTable\nmetadata: {name: t, labels: {kaspr.io/app: shop}}\nspec: {name: t}\n";
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {}", bare.trim_end().replace('\n', "\n  "));
    let rows: &[(&str, &[&str], i32, &[&str])] = &[
        (&set(&[APP, SECRET]), &[], 0, &[]),
        ("", &[], 0, &[]),
        ("# nothing\n---\n---\nkind: Other\n", &["--strict"], 0, &[]),
        (APP, &[], 0, &["secret-missing spec.authentication.passwordSecret"]),
        (APP, &["--strict"], 1, &["secret-missing spec.authentication.passwordSecret"]),
        (bare, &[], 1, &["app-missing metadata.labels[kaspr.io/app]"]),
        (&set(&[APP, SECRET, bare]), &[], 1, &["app-missing metadata.labels[kaspr.io/app]"]),
        (&set(&[APP, SECRET, bare]), &["--namespace", "prod"], 0, &[]),
        (&set(&[APP, SECRET, &list]), &["--namespace", "prod"], 0, &[]),
        (&set(&[APP, SECRET, APP]), &[], 1, &["twice metadata.name"]),
        (
            &set(&[APP, &SECRET.replace("{p:", "{q:")]),
            &[],
            1,
            &["secret-key-missing spec.authentication.passwordSecret"],
        ),
        (&set(&[APP, SECRET, "kind: [kaspr.io\n"]), &[], 2, &["unreadable "]),
        (&set(&[APP, SECRET, "{{ if .Values.other }}\nkind: Other\n{{ end }}\n"]), &[], 0, &[]),
        (&APP.replace("KasprApp", "KasprAp"), &[], 1, &["schema kind"]),
        (
            &APP.replace("v1alpha1", "v1"),
            &[],
            1,
            &["schema apiVersion", "secret-missing spec.authentication.passwordSecret"],
        ),
        (&set(&[&format!("{APP}  replica: 2\n"), SECRET]), &[], 1, &["schema spec.replica"]),
        (
            &set(&[&APP.replace("name: shop,", "labels: {a: 1}, name: shop,"), SECRET]),
            &[],
            1,
            &["schema metadata.labels.a"],
        ),
    ];
    for (manifests, flags, code, expected) in rows {
        let args = [&["-", "--format", "json"], *flags].concat();
        let (got, stdout) = validate(&args, manifests);
        let found: Vec<String> = stdout
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
            .map(|o| {
                format!(
                    "{} {}",
                    o["rule"].as_str().unwrap_or_default(),
                    o["field"].as_str().unwrap_or_default()
                )
            })
            .collect();
        assert_eq!((found, got), (expected.iter().map(ToString::to_string).collect(), *code), "{manifests}");
    }
}

#[test]
fn a_missing_file_is_reported() {
    let (code, stdout) = validate(&["/nonexistent", "examples/minimal.yaml"], "");
    assert!(stdout.starts_with("error[unreadable]: /nonexistent"), "{stdout}");
    assert_eq!(code, 2);
}

#[test]
fn templates_of_a_chart_are_skipped() {
    let folder = tempfile::tempdir().expect("a folder");
    let templates = folder.path().join("chart/templates");
    fs::create_dir_all(&templates).expect("a folder");
    fs::write(folder.path().join("chart/Chart.yaml"), "name: chart\n").expect("a file");
    fs::write(templates.join("app.yaml"), "apiVersion: kaspr.io/v1alpha1\nkind: {{ .Values.kind }}\n")
        .expect("a file");
    fs::write(folder.path().join("app.yaml"), APP).expect("a file");
    let (code, stdout) = validate(&[&folder.path().display().to_string()], "");
    assert!(stdout.ends_with("1 document, 0 errors, 1 warning\n"), "{stdout}");
    assert_eq!(code, 0);
}

#[test]
fn names_of_config_maps_in_the_files_are_taken() {
    const TABLE: &str = "apiVersion: kaspr.io/v1alpha1
kind: KasprTable
metadata: {name: totals, namespace: prod, labels: {kaspr.io/app: shop}}
spec: {name: totals}
";
    let found = |label: &str| {
        let map = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: totals-table, namespace: prod, labels: {{{label}}}}}\n"
        );
        let (_, stdout) = validate(&["-", "--format", "json"], &set(&[APP, SECRET, TABLE, &map]));
        let lines = stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let taken = lines.filter(|finding| finding["rule"] == "name-taken");
        taken.map(|finding| finding["message"].clone()).collect::<Vec<_>>()
    };
    let expected = "ConfigMap totals-table is a manifest of its own: the component is withheld until it has another name";
    assert_eq!(found("team: a"), [expected]);
    // `render` printed this one.
    assert_eq!(found("app.kubernetes.io/managed-by: kaspr-operator"), [Value::Null; 0]);
}

/// `validate` reports the same error for each refused example as the cluster.
#[test]
fn files_get_the_errors_of_the_cluster() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/refused");
    for entry in fs::read_dir(folder).expect("examples") {
        let path = entry.expect("an example").path();
        let manifest = fs::read_to_string(&path).expect("text");
        let expected =
            manifest.lines().next().and_then(|line| line.strip_prefix("# refused: ")).expect("a reason");
        let (code, stdout) = validate(&["--format", "json", &path.display().to_string()], "");
        let errors: Vec<String> = stdout
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
            .filter(|finding| finding["severity"] == "error" && finding["rule"] != "app-missing")
            .map(|o| {
                format!(
                    "{}: {}",
                    o["field"].as_str().unwrap_or_default(),
                    o["message"].as_str().unwrap_or_default()
                )
            })
            .collect();
        assert_eq!((errors, code), (vec![expected.to_owned()], 1), "{}", path.display());
    }
}

#[test]
fn examples_are_valid() {
    let files: Vec<String> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"))
        .expect("examples")
        .map(|entry| entry.expect("an example").path())
        .filter(|path| path.is_file())
        .map(|path| path.display().to_string())
        .collect();
    let mut args: Vec<&str> = files.iter().map(String::as_str).collect();
    args.extend(["--format", "json"]);
    let (code, stdout) = validate(&args, "");
    assert_eq!(code, 0, "{stdout}");
}
