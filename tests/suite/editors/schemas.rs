//! Schemas of `schema`, as the programs that use them read them.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use walkdir::WalkDir;

use super::{client::Client, project};
use crate::{
    docs::{commands, page},
    harness::{BINARY, text},
};

/// The version of yaml-language-server; 2.0 requires a newer Node.js than Debian has.
const YAML_LANGUAGE_SERVER: &str = "1.23.0";

fn schema(args: &[&str]) -> String {
    let output = Command::new(BINARY).arg("schema").args(args).output().expect("the binary");
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The files of a folder by their paths in it.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let entries = WalkDir::new(folder).sort_by_file_name().into_iter().map(|entry| entry.expect("an entry"));
    let paths = entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
    paths
        .map(|path| {
            let below = path.strip_prefix(folder).expect("a path").to_owned();
            (below, fs::read_to_string(&path).expect("text"))
        })
        .collect()
}

#[test]
fn schemas_are_fresh_and_each_can_be_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(schema(&["--out", folder.path().to_str().expect("a path")]), "");
    let fresh = files(folder.path());
    assert_eq!(fresh.len(), 8);
    assert!(fresh == files(&project("deploy/schemas")), "deploy/schemas is stale: run `make generate`");
    let kept = |path: &str| fs::read_to_string(project("deploy/schemas").join(path)).expect("text");
    for (name, path) in [
        (&[][..], "kaspr.json"),
        (&["test"], "kaspr-test.json"),
        (&["KasprApp"], "kaspr.io/kasprapp_v1alpha1.json"),
        (&["kasprtable"], "kaspr.io/kasprtable_v1alpha1.json"),
    ] {
        assert!(schema(name) == kept(path), "{path}");
    }
}

#[test]
fn test_files_fit_their_schema() {
    let schema: Value = serde_json::from_str(&schema(&["test"])).expect("JSON");
    let validator = jsonschema::draft7::new(&schema).expect("a schema");
    let mut count = 0;
    for (path, text) in files(&project("examples")) {
        if path.to_string_lossy().ends_with("_test.yaml") {
            count += 1;
            let mut value: Value = serde_saphyr::from_str(&text).expect("YAML");
            let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{}: {}", path.display(), errors.join("\n"));
            value["tests"][0]["expects"] = json!({});
            assert!(!validator.is_valid(&value), "{}", path.display());
        }
    }
    assert!(count >= 6, "{count}");
}

/// Runs the commands of the page as a reader does, in a folder with the examples.
#[test]
fn kubeconform_takes_the_schemas_of_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let programs = folder.path().join("bin");
    fs::create_dir(&programs).expect("a folder");
    symlink(BINARY, programs.join("kaspr-operator")).expect("a link");
    symlink(control_plane::kubeconform().expect("kubeconform"), programs.join("kubeconform"))
        .expect("a link");
    symlink(project("examples"), folder.path().join("examples")).expect("a link");
    let path = format!("{}:{}", programs.display(), env::var("PATH").unwrap_or_default());
    let shell = |command: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(folder.path()).env("PATH", &path).output().expect("a shell")
    };
    let steps = commands(&page("docs/editors.md"));
    for step in &steps {
        let output = shell(&step.command);
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(step.code), "{}\n{said}", step.command);
    }
    let check = steps.iter().find(|step| step.command.starts_with("kubeconform")).expect("kubeconform");
    let example = fs::read_to_string(project("examples/table.yaml")).expect("an example");
    let wrong = example.replace("partitions:", "partition:");
    assert_ne!(wrong, example);
    fs::write(folder.path().join("wrong.yaml"), wrong).expect("written");
    let said = shell(&check.command.replace("examples/application.yaml", "wrong.yaml"));
    assert_eq!(said.status.code(), Some(1));
    assert!(text(&said.stdout).contains("additional properties 'partition' not allowed"), "{said:?}");
    // All manifests of the examples and of the Python operator's guide.
    let mut all = Command::new(control_plane::kubeconform().expect("kubeconform"));
    all.args(["-strict", "-summary", "-ignore-missing-schemas", "-ignore-filename-pattern", "_test.yaml$"]);
    let template = "{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json";
    all.arg("-schema-location").arg(project("deploy/schemas").join(template));
    all.arg("-ignore-filename-pattern").arg("kustomize/");
    let output =
        all.arg(project("examples")).arg(project("tests/golden/guide.yaml")).output().expect("a program");
    assert!(output.status.success(), "{}", text(&output.stdout));
}

/// The example with a misspelled field, and its line.
fn misspelled() -> (String, usize) {
    let example = fs::read_to_string(project("examples/table.yaml")).expect("an example");
    let wrong = example.replacen("partitions:", "partition:", 1);
    let line = wrong.lines().position(|line| line.contains("partition:")).expect("a line");
    (wrong, line)
}

#[test]
fn the_yaml_language_server_takes_the_schemas() {
    let installed = control_plane::from_npm("yaml-language-server", YAML_LANGUAGE_SERVER).expect("npm");
    let Some(modules) = installed else {
        eprintln!("skipped: node and npm are not installed");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    schema(&["--out", folder.path().join(".schemas").to_str().expect("a path")]);
    let mut server = Command::new("node");
    server.arg(modules.join("yaml-language-server/bin/yaml-language-server")).arg("--stdio");
    // The settings of the page.
    let page = page("docs/editors.md");
    let block = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("settings");
    let settings: Value = serde_json::from_str(block).expect("JSON");
    let schemas = &settings["yaml.schemas"];
    assert!(schemas.is_object(), "{settings}");
    let yaml =
        json!({ "schemas": schemas, "validate": true, "hover": true, "schemaStore": { "enable": false } });
    let (mut client, _) = Client::start(&mut server, folder.path(), json!({ "yaml": yaml }));

    let (wrong, line) = misspelled();
    let table = folder.path().join("table.yaml");
    client.open(&table, &wrong);
    let found = client.diagnostics(&table, |found| !found.is_empty());
    assert!(found.iter().any(|it| it["range"]["start"]["line"] == line), "{found:?}");
    assert!(json!(found).to_string().contains("Property partition is not allowed"), "{found:?}");

    let good = folder.path().join("good.yaml");
    client.open(&good, &wrong.replace("partition:", "partitions:"));
    let hover = client.request_at("textDocument/hover", &good, line, 4);
    assert!(hover.to_string().contains("Partitions of the changelog topic"), "{hover}");

    let tests = folder.path().join("table_test.yaml");
    client.open(&tests, "tests:\n- name: x\n  expects: {}\n");
    let found = client.diagnostics(&tests, |found| !found.is_empty());
    assert!(json!(found).to_string().contains("Property expects is not allowed"), "{found:?}");
    let hover = client.request_at("textDocument/hover", &tests, 1, 3);
    assert!(hover.to_string().contains("What the test shows"), "{hover}");
}
