//! Every example on the real API server: the good ones run, the bad ones say why they don't.

use std::{fs, path::Path, process::Command};

use crate::harness::{BINARY, Namespace, condition, eventually, text};

/// The manifests of a folder, by file name.
fn manifests(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).expect("examples").map(|entry| entry.expect("an example").path());
    let mut files: Vec<_> = paths
        .filter(|path| {
            path.extension().is_some_and(|extension| extension == "yaml")
                && !path.to_string_lossy().ends_with("_test.yaml")
        })
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("text")))
        .collect();
    files.sort();
    files
}

#[test]
fn examples_run() {
    let files = manifests("examples");
    assert!(files.len() >= 10, "{}", files.len());
    let namespace = Namespace::new("examples");
    namespace.run(&[
        "apply",
        "--server-side",
        "-f",
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/demo/cluster.yaml"),
    ]);
    for (_, text) in &files {
        namespace.apply(text);
    }
    eventually("all examples", || {
        let waiting: Vec<String> = namespace
            .list("kasprapp,kaspragent,kasprtable,kasprtask,kasprwebview,kasprjoin")
            .into_iter()
            .filter(|o| {
                !condition(o, "Ready", "True", "Healthy") && !condition(o, "Ready", "True", "Defined")
            })
            .map(|o| format!("{}/{}: {}", o["kind"], o["metadata"]["name"], o["status"]["conditions"]))
            .collect();
        if waiting.is_empty() { Ok(()) } else { Err(waiting.join("\n")) }
    });
}

/// The manifests of the Python operator's guide are accepted, by the cluster and by `validate`.
#[test]
fn manifests_of_the_guide_are_accepted() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/guide.yaml");
    let namespace = Namespace::new("guide");
    let count = fs::read_to_string(file).expect("text").matches("kind: KasprApp").count();
    let accepted = namespace.run(&["apply", "--server-side", "--dry-run=server", "-o", "name", "-f", file]);
    assert!(count >= 30 && accepted.lines().count() == count, "{accepted}");
    let output = Command::new(BINARY).args(["validate", file]).output().expect("the binary");
    assert!(output.status.success(), "{}", text(&output.stdout));
}

#[test]
fn refused_examples_say_why() {
    let namespace = Namespace::new("refused");
    let files = manifests("examples/refused");
    assert!(files.len() >= 12, "{}", files.len());
    for (path, text) in files {
        let expected =
            text.lines().next().and_then(|line| line.strip_prefix("# refused: ")).expect("the reason");
        let said = namespace.refused(&text);
        let reasons: Vec<&str> =
            said.lines().filter_map(|line| Some(line.split_once("\" is invalid: ")?.1)).collect();
        assert_eq!(reasons, [expected], "{path}: {said}");
    }
}
