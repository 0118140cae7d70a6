//! Release artifacts of the binary under test, and the definition of the image.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::harness::{BINARY, text};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(project(path)).expect("text")
}

fn ran(command: &mut Command) -> String {
    let output = command.output().expect("a program");
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The files of a release, by name.
fn release(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    ran(Command::new("python3").arg(project("deploy/release.py")).arg(BINARY).arg(folder));
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let content = |entry: &fs::DirEntry| fs::read(entry.path()).expect("a file");
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), content(&entry))).collect()
}

#[test]
fn a_release_is_complete_and_reproducible() {
    let folder = tempfile::tempdir().expect("a folder");
    let (once, twice) = (folder.path().join("once"), folder.path().join("twice"));
    let files = release(&once);
    assert!(files == release(&twice), "two builds differ");
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let mut wanted = vec![
        "SHA256SUMS".to_owned(),
        format!("kaspr-crds-{VERSION}.yaml"),
        format!("kaspr-operator-{VERSION}-linux-{architecture}"),
        format!("kaspr-operator-{VERSION}.cdx.json"),
        format!("kaspr-operator-{VERSION}.tgz"),
    ];
    wanted.sort();
    assert_eq!(names, wanted);

    ran(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&once));
    let crds = ran(Command::new(BINARY).arg("crds"));
    assert!(text(&files[&wanted[1]]) == crds);
    the_bill_names_what_is_shipped(&files[&format!("kaspr-operator-{VERSION}.cdx.json")]);
    the_chart_is_the_same_packed(&once.join(format!("kaspr-operator-{VERSION}.tgz")), folder.path());
}

fn the_bill_names_what_is_shipped(bill: &[u8]) {
    let bill: Value = serde_json::from_slice(bill).expect("JSON");
    assert_eq!(bill["bomFormat"], "CycloneDX");
    assert_eq!(bill["metadata"]["component"]["purl"], format!("pkg:cargo/kaspr-operator@{VERSION}"));
    let components = bill["components"].as_array().expect("components");
    let has = |name: &str| components.iter().any(|component| component["name"] == name);
    assert!(has("axum") && has("ring") && has("zstd-sys"));
    assert!(!has("proptest") && !has("control-plane") && !has("syn"), "it is not in the binary");
    for component in components {
        let hash = component["hashes"][0]["content"].as_str().unwrap_or_default();
        assert!(hash.len() == 64 && component["licenses"].is_array(), "{component}");
    }
}

fn the_chart_is_the_same_packed(chart: &Path, home: &Path) {
    let template = |chart: &Path| {
        let mut helm = Command::new(control_plane::helm().expect("helm"));
        helm.env("HOME", home).env_remove("KUBECONFIG").env_remove("XDG_CACHE_HOME");
        ran(helm.args(["template", "kaspr-operator", "--namespace", "kaspr-operator"]).arg(chart))
    };
    assert!(template(chart) == template(&project("deploy/helm/kaspr-operator")));
}

#[test]
fn the_image_has_the_versions_of_the_project() {
    let image = read("deploy/image/Dockerfile");
    let argument = |name: &str| {
        let line = image.lines().find_map(|line| line.strip_prefix(&format!("ARG {name}=")));
        line.unwrap_or_default().to_owned()
    };
    assert_eq!(argument("UV_VERSION"), read("deploy/uv-version").trim());
    let manifest = read("Cargo.toml");
    assert!(manifest.contains(&format!("rust-version = \"{}\"", argument("RUST_VERSION"))));
    assert!(image.contains(&format!("org.opencontainers.image.version=\"{VERSION}\"")));
    // Requirements of the chart and the install containers.
    let values = read("deploy/helm/kaspr-operator/values.yaml");
    assert!(values.contains("runAsUser: 65532") && image.contains("\nUSER 65532:65532\n"));
    assert!(image.contains("\nENV PATH=/usr/local/bin\n"));
    for program in ["kaspr-operator", "uv"] {
        assert!(image.contains(&format!(" /usr/local/bin/{program}\n")), "{program}");
    }
}
