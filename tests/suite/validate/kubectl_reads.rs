//! Manifests are read as `kubectl apply` reads them: types of scalars, encodings and separators.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use serde_json::{Value, json};
use similar_asserts::assert_eq;

use crate::harness::{BINARY, Namespace, text};

/// Scalars of which YAML 1.1, YAML 1.2, Go and JSON have different views.
const SCALARS: &[&str] = &[
    "0",
    "3",
    "-3",
    "+3",
    "007",
    "0440",
    "08",
    "0o17",
    "0O17",
    "0o8",
    "0x1F",
    "0X1f",
    "0xg",
    "0x",
    "0b101",
    "-0b11",
    "0B1",
    "0b2",
    "1_000",
    "1__0",
    "_1",
    "1_",
    "0_7",
    "0x_1f",
    "3.0",
    "3.5",
    "-3.0",
    "1e1",
    "1E1",
    "1e+1",
    "1e-1",
    "1.5e1",
    "1.e1",
    ".5",
    "-.5",
    "+.5",
    "5.",
    ".",
    "..5",
    "1.2.3",
    "1e",
    "e1",
    "1e400",
    "1e19",
    "1e21",
    "1_0.0",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "0777777777777777777777",
    "-9223372036854775809",
    "1:30",
    "1:30:00",
    "190:20:30.15",
    "12:30:45.5",
    "2001-12-14",
    "2001-12-14t21:59:43.10-05:00",
    "2001-12-14 21:59:43.10 -5",
    "20:59",
    "yes",
    "Yes",
    "YES",
    "yEs",
    "no",
    "No",
    "on",
    "On",
    "oN",
    "off",
    "OFF",
    "y",
    "Y",
    "n",
    "N",
    "true",
    "True",
    "TRUE",
    "tRue",
    "false",
    "False",
    "~",
    "null",
    "Null",
    "NULL",
    "nULL",
    "",
    "'3'",
    "\"3\"",
    "'yes'",
    "'0440'",
    "''",
    "\"\"",
    "!!str 3",
    "!!str yes",
    "!!int '3'",
    "!!int 0o17",
    "!!float 3",
    "!!float '3.5'",
    "!!bool 'yes'",
    "!!null ''",
    "!other 3",
    "!!binary aGVsbG8=",
    "!!timestamp 2001-12-14",
    "1,000",
    "+",
    "--1",
    "+-1",
    "-0",
    "-0.0",
    "0.0",
    "inf",
    ".Infinity",
    "nan",
    "NaN",
    "Infinity",
    "=",
    "<<",
    "1s",
    "10Gi",
    "500m",
    "1.0e3",
    "4e2",
    "0e0",
    "0.1e1",
    "00",
    "00.5",
    "0.5_0",
];

/// Keys of a map; null and large numbers cannot be keys.
const KEYS: &[&str] = &[
    "1",
    "0x10",
    "1.10",
    "3.0",
    "1e30",
    "1000000.5",
    "yes",
    "off",
    "'yes'",
    "017",
    "2001-12-14",
    "1:30",
    "a.b",
    "! x",
    "!!str 3",
    ".inf",
    "-0.00001",
];

/// Values that are not valid JSON, or not of the type of their tag: kubectl refuses the file.
const REFUSED: &[&str] = &[
    ".inf",
    "-.INF",
    ".NaN",
    "!!int x",
    "!!int 3.5",
    "!!float yes",
    "!!bool 3",
    "!!null x",
    "!!binary '*'",
    "{~: 1}",
    "{: 1}",
    "{18446744073709551615: 1}",
    "{[a]: 1}",
    "{{a: b}: 1}",
    "*unknown",
    "&a [*a]",
    "{<<: 3}",
];

fn table(name: &str, fields: &str) -> String {
    format!(
        "apiVersion: kaspr.io/v1alpha1\nkind: KasprTable\nmetadata: {{name: {name}, labels: {{kaspr.io/app: shop}}}}\n\
         spec:\n  name: {name}\n{fields}"
    )
}

/// Returns the tables of kubectl's output by name, without what the server adds.
fn tables(output: &[u8]) -> BTreeMap<String, Value> {
    let mut stream = serde_json::Deserializer::from_slice(output).into_iter::<Value>();
    let found = stream.next().transpose().expect("JSON").unwrap_or_default();
    let items = match found["items"].as_array() {
        Some(items) => items.clone(),
        None if found.is_object() => vec![found],
        None => Vec::new(),
    };
    let tables = items.into_iter().map(|item| {
        let name = item["metadata"]["name"].as_str().expect("a name").to_owned();
        let bare = json!({
            "apiVersion": item["apiVersion"], "kind": item["kind"], "spec": item["spec"],
            "metadata": { "name": name, "labels": item["metadata"]["labels"] },
        });
        (name, bare)
    });
    tables.collect()
}

/// Runs the operator's binary with a file. Returns its exit code and standard output.
fn run(subcommand: &[&str], content: &[u8]) -> (Option<i32>, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("manifests.yaml");
    fs::write(&file, content).expect("written");
    let output = Command::new(BINARY).args(subcommand).arg(&file).output().expect("the binary");
    (output.status.code(), output.stdout)
}

/// Returns the names of the resources with errors, except that their app is not in the file.
fn invalid(content: &[u8]) -> BTreeSet<String> {
    let (code, stdout) = run(&["validate", "--format", "json"], content);
    assert_ne!(code, Some(2), "{}", text(&stdout));
    let findings = text(&stdout);
    let findings = findings.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    findings
        .filter(|finding| finding["severity"] == "error" && finding["rule"] != "app-missing")
        .map(|finding| finding["name"].as_str().expect("a name").to_owned())
        .collect()
}

/// Returns the objects that `render` prints.
fn rendered(content: &[u8]) -> Value {
    let (code, stdout) = run(&["render", "-o", "json"], content);
    assert_eq!(code, Some(0), "{}", text(content));
    serde_json::from_slice(&stdout).expect("JSON")
}

fn dry_run(namespace: &Namespace, content: &[u8]) -> (bool, Vec<u8>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("manifests.yaml");
    fs::write(&file, content).expect("written");
    let file = file.display().to_string();
    let output = namespace.kubectl(&["apply", "--dry-run=server", "-o", "json", "-f", &file], "");
    (output.status.success(), output.stdout, text(&output.stderr))
}

/// A resource that kubectl applies is valid, one that it does not is not, and both have the same values.
#[test]
fn scalars_have_the_types_that_kubectl_gives_them() {
    let namespace = Namespace::new("scalars");
    let mut manifests = BTreeMap::new();
    for (i, scalar) in SCALARS.iter().enumerate() {
        for (field, yaml) in [
            ("text", format!("  extraTopicConfigs: {{retention.ms: {scalar} }}\n")),
            ("string", format!("  description: {scalar}\n")),
            ("integer", format!("  partitions: {scalar}\n")),
            ("boolean", format!("  global: {scalar}\n")),
        ] {
            let name = format!("{field}-{i}");
            manifests.insert(name.clone(), table(&name, &yaml));
        }
    }
    for (i, key) in KEYS.iter().enumerate() {
        let name = format!("key-{i}");
        manifests.insert(name.clone(), table(&name, &format!("  extraTopicConfigs:\n    {key}: x\n")));
    }
    let stream = |names: &dyn Fn(&str) -> bool| {
        let chosen = manifests.iter().filter(|(name, _)| names(name)).map(|(_, yaml)| yaml.as_str());
        chosen.collect::<Vec<_>>().join("---\n")
    };
    let all = stream(&|_| true);
    // kubectl prints no objects if one is refused.
    let (_, _, stderr) = dry_run(&namespace, all.as_bytes());
    let refused = |name: &str| stderr.contains(&format!("\"{name}\""));
    let expected: BTreeSet<String> = manifests.keys().filter(|name| refused(name)).cloned().collect();
    assert!(expected.len() < manifests.len() && !expected.is_empty(), "{}", short(&stderr));
    let differing: Vec<String> = invalid(all.as_bytes())
        .symmetric_difference(&expected)
        .map(|name| {
            let said: Vec<&str> =
                stderr.lines().filter(|line| line.contains(&format!("\"{name}\""))).collect();
            format!("{}\nkubectl: {}", manifests[name], said.join("\n"))
        })
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n\n"));
    let ours = stream(&|name| !refused(name));
    let (applied, stdout, stderr) = dry_run(&namespace, ours.as_bytes());
    assert!(applied, "{}", short(&stderr));
    let accepted = tables(&stdout);
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": accepted.values().collect::<Vec<_>>() });
    assert_eq!(rendered(ours.as_bytes()), rendered(list.to_string().as_bytes()));
}

/// Returns the first lines of kubectl's messages.
fn short(stderr: &str) -> String {
    stderr.lines().take(3).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_kubectl_cannot_read_is_unreadable() {
    let namespace = Namespace::new("unreadable");
    for value in REFUSED {
        let manifest = table("t", &format!("  options: {value}\n"));
        let (applied, _, stderr) = dry_run(&namespace, manifest.as_bytes());
        assert!(!applied && !stderr.contains("is invalid"), "{value}: {stderr}");
        let (code, stdout) = run(&["validate"], manifest.as_bytes());
        assert_eq!(code, Some(2), "{value}: {}", text(&stdout));
    }
}

fn utf16(manifests: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    format!("\u{feff}{manifests}").encode_utf16().flat_map(bytes).collect()
}

/// Each file is read as kubectl reads it, whatever its encoding and its separators are; what kubectl refuses is an
/// unreadable file.
#[test]
fn files_have_the_documents_that_kubectl_finds() {
    let namespace = Namespace::new("documents");
    let yaml = [table("a", "  description: ä €\n"), table("b", "  partitions: 3.0\n")].join("---\n");
    let json = |name: &str, partitions: &str| {
        format!(
            r#"{{"apiVersion": "kaspr.io/v1alpha1", "kind": "KasprTable", "metadata": {{"name": "{name}", "labels": {{"kaspr.io/app": "shop"}}}},
  "spec": {{"name": "{name}", "partitions": {partitions}}}}}"#
        )
    };
    let (a, b, c) = (json("a", "3.0"), json("b", "1e1"), json("c", "3"));
    let merged =
        table("m", "  extraTopicConfigs: {<<: [&x {a: 1, b: 2}, {b: 3, c: 4}], c: 5}\n  options: *x\n");
    let readable: &[(&str, Vec<u8>)] = &[
        ("UTF-16, little endian", utf16(&yaml, u16::to_le_bytes)),
        ("UTF-16, big endian", utf16(&yaml, u16::to_be_bytes)),
        ("UTF-8 with a mark", format!("\u{feff}{yaml}").into()),
        ("CRLF", yaml.replace('\n', "\r\n").into()),
        ("JSON", format!("{a}{b}\n\n{c}\n").into()),
        ("JSON in UTF-16", utf16(&format!("{a}\n{b}"), u16::to_le_bytes)),
        ("JSON with separators", format!("{a}\n---\n{b}\n---\n{c}\n").into()),
        ("JSON, then YAML", format!("{c}\n---\n{yaml}").into()),
        ("YAML in braces", format!("{{{}}}\n---\n{b}", a[1..a.len() - 1].replace('"', "'")).into()),
        ("a comment after the separator", yaml.replace("---\n", "--- # next\n").into()),
        ("no document between separators", yaml.replace("---\n", "---\n---\n\n# nothing\n---\n").into()),
        ("text after the end", format!("{}...\n{}", table("a", ""), table("b", "")).into()),
        ("merged maps and aliases", merged.into()),
    ];
    for (name, content) in readable {
        let (applied, stdout, stderr) = dry_run(&namespace, content);
        assert!(applied, "{name}: {stderr}");
        let items: Vec<Value> = tables(&stdout).into_values().collect();
        assert!(!items.is_empty(), "{name}");
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
        assert_eq!(rendered(content), rendered(list.to_string().as_bytes()), "{name}");
        assert_eq!(invalid(content), BTreeSet::new(), "{name}");
    }
    let refused: &[(&str, String)] = &[
        ("YAML after JSON documents", format!("{a}{b}\n---\n{c}")),
        ("a value after the separator", format!("{a}\n--- {b}\n")),
        ("a longer separator", yaml.replace("---\n", "-----\n")),
        ("UTF-16 without an end", String::from("\u{0}") + &yaml),
    ];
    for (name, content) in refused {
        let (applied, _, stderr) = dry_run(&namespace, content.as_bytes());
        assert!(!applied, "{name}: {stderr}");
        let (code, stdout) = run(&["validate"], content.as_bytes());
        assert_eq!(code, Some(2), "{name}: {}", text(&stdout));
    }
}

/// The place of a finding is that of the value, also in a JSON document that follows another, and in UTF-16.
#[test]
fn findings_have_places_in_every_encoding() {
    let first = r#"{"kind": "Other"}"#;
    let second = "{\"apiVersion\": \"kaspr.io/v1alpha1\", \"kind\": \"KasprTable\",\n  \"metadata\": {\"name\": \"t\", \"labels\": {\"kaspr.io/app\": \"shop\"}},\n  \"spec\": {\"name\": \"t\", \"partitions\": \"x\"}}";
    let yaml =
        [table("t", "  extraTopicConfigs: {0x10: [1]}\n"), table("u", "  partitions: 0x\n")].join("---\n");
    for (content, expected) in [
        (format!("{first}{second}").into_bytes(), vec![(3, 39)]),
        (utf16(&yaml, u16::to_le_bytes), vec![(6, 23), (13, 15)]),
    ] {
        let (_, stdout) = run(&["validate", "--format", "json"], &content);
        let stdout = text(&stdout);
        let findings = stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let places: Vec<(i64, i64)> = findings
            .filter(|finding| finding["rule"] != "app-missing")
            .map(|finding| {
                (finding["line"].as_i64().expect("a line"), finding["column"].as_i64().expect("a column"))
            })
            .collect();
        assert_eq!(places, expected, "{stdout}");
    }
}
