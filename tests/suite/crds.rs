//! The CRDs as kubectl sees them, and the generated files.

use std::{fs, path::Path, process::Command};

use crate::harness::{BINARY, Namespace, plane, text};

fn project(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn generated_files_are_fresh() {
    let folder = tempfile::tempdir().expect("a folder");
    for (subcommand, files) in
        [("crds", "crds"), ("webhook-config", "webhook-config"), ("admission-policy", "deploy")]
    {
        let out = folder.path().join(files);
        let made = Command::new(BINARY).args([subcommand, "--out"]).arg(&out).status().expect("the binary");
        assert!(made.success());
        for entry in fs::read_dir(&out).expect("files") {
            let entry = entry.expect("a file");
            let fresh = fs::read_to_string(entry.path()).expect("text");
            let kept = fs::read_to_string(project(files).join(entry.file_name())).unwrap_or_default();
            assert!(fresh == kept, "{files}/{} is stale: run `make generate`", entry.file_name().display());
        }
    }
    for page in ["rules", "settings", "fields"] {
        let fresh = Command::new(BINARY).arg(page).output().expect("the binary");
        let kept = fs::read_to_string(project(&format!("docs/{page}.md"))).unwrap_or_default();
        assert!(text(&fresh.stdout) == kept, "docs/{page}.md is stale: run `make generate`");
    }
}

#[test]
fn client_side_apply_takes_the_crds() {
    let _ = Namespace::new("crds");
    let output = plane().kubectl().args(["apply", "-f"]).arg(project("crds")).output().expect("kubectl");
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn explain_helps() {
    let namespace = Namespace::new("explain");
    for (path, words) in [
        ("kasprapp", "A cluster of members that run the same stream processors"),
        ("kasprapp.spec.pythonPackages.cache.gcs.bucket", "Name of the bucket."),
        ("kasprapp.spec.storage.size", "It can grow but not shrink."),
        ("kaspragent.spec.input.take.within", "Maximum wait for a full list"),
        ("kasprtask.spec.schedule.timezone", "Time zone of `cron`"),
        ("kasprtable.spec.window.relativeToSelector", "Reads the time from the value"),
        ("kasprwebview.spec.response.statusCode", "Mutually exclusive with `statusCodeSelector`"),
        ("kasprjoin.spec.extractor", "Called with a value of the left table"),
    ] {
        let said = namespace.run(&["explain", path]).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(words), "{path}: {said}");
    }
}

#[test]
fn the_category_lists_every_kind() {
    let namespace = Namespace::new("category");
    namespace.apply(&fs::read_to_string(project("tests/golden/full/manifest.yaml")).expect("a manifest"));
    let listed = namespace.run(&["get", "kaspr", "-o", "name"]);
    for name in [
        "kasprapp.kaspr.io/orders",
        "kaspragent.kaspr.io/enrich",
        "kasprtable.kaspr.io/products",
        "kasprtask.kaspr.io/sweep",
        "kasprwebview.kaspr.io/lookup",
        "kasprjoin.kaspr.io/order-products",
    ] {
        assert!(listed.lines().any(|line| line == name), "{name} is not in {listed}");
    }
    let columns = namespace.run(&["get", "kapp"]);
    let head: Vec<&str> = columns.lines().next().unwrap_or_default().split_whitespace().collect();
    assert_eq!(head, ["NAME", "VERSION", "READY", "MEMBERS", "REBALANCING", "AGE", "STATUS"]);
}

/// An error that the schema or kubectl itself finds, and part of the message.
const SCHEMA: &[(&str, &str)] = &[
    ("replica: 3", "unknown field \"spec.replica\""),
    ("pythonPackages: {packages: [a], cache: {typ: gcs}}", "unknown field \"spec.pythonPackages.cache.typ\""),
    ("replicas: -1", "should be greater than or equal to 0"),
    ("replicas: three", "must be of type integer"),
    ("storage: {type: disk}", "supported values: \"ephemeral\", \"persistent-claim\""),
    ("pythonPackages: {packages: [a], indexUrl: 'ftp://host'}", "should match '^https?://.+'"),
    (
        "pythonPackages: {packages: [a], installPolicy: {timeout: 59}}",
        "should be greater than or equal to 60",
    ),
    ("livenessProbe: {periodSeconds: 0}", "should be greater than or equal to 1"),
];

#[test]
fn the_schema_refuses_what_it_can() {
    let namespace = Namespace::new("schema");
    for (line, words) in SCHEMA {
        let said = namespace.refused(&format!(
            "apiVersion: kaspr.io/v1alpha1\nkind: KasprApp\nmetadata: {{name: a}}\nspec:\n  bootstrapServers: k:9092\n  \
             authentication: {{type: plain, username: u, passwordSecret: {{secretName: s, passwordKey: p}}}}\n  {line}\n"
        ));
        assert!(said.contains(words), "{line}: {said}");
    }
}
