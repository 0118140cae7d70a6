//! The steps of `action.yml`, run as the runner of GitHub runs them.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

use super::project;
use crate::{
    docs::page,
    harness::{BINARY, text},
};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const CHECK_JSONSCHEMA: &str = "0.39.0";
const REPOSITORY: &str = "owner/kaspr-operator";

/// A runner with a workspace, and a server with a release.
struct Runner {
    folder: TempDir,
    action: Value,
}

impl Runner {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let release = folder.path().join(format!("server/{REPOSITORY}/releases/download/v{VERSION}"));
        for made in [&release, &folder.path().join("workspace"), &folder.path().join("temp")] {
            fs::create_dir_all(made).expect("a folder");
        }
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        fs::copy(BINARY, release.join(format!("kaspr-operator-{VERSION}-linux-{architecture}")))
            .expect("a copy");
        let sums = "sha256sum * > SUMS && mv SUMS SHA256SUMS";
        let summed = Command::new("sh").args(["-c", sums]).current_dir(&release).status().expect("a shell");
        assert!(summed.success());
        let text = fs::read_to_string(project("action.yml")).expect("the action");
        Self { folder, action: serde_saphyr::from_str(&text).expect("YAML") }
    }

    fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// Runs all steps until one fails. Returns the output of the last.
    fn run(&self, given: &[(&str, &str)]) -> Output {
        let architecture = if cfg!(target_arch = "aarch64") { "ARM64" } else { "X64" };
        let paths = self.folder.path().join("github-path");
        fs::write(&paths, "").expect("written");
        let mut last = None;
        for step in self.action["runs"]["steps"].as_array().expect("steps") {
            assert_eq!(step["shell"], "bash");
            let script = self.folder.path().join("script.sh");
            fs::write(&script, step["run"].as_str().expect("a script")).expect("written");
            let added = fs::read_to_string(&paths).expect("paths");
            let path: Vec<&str> = added.lines().rev().collect();
            let path = format!("{}:{}", path.join(":"), env::var("PATH").unwrap_or_default());
            let mut shell = Command::new("bash");
            shell
                .args(["--noprofile", "--norc", "-eo", "pipefail"])
                .arg(&script)
                .current_dir(self.workspace())
                .env("PATH", path.trim_start_matches(':'))
                .env("GITHUB_PATH", &paths)
                .env("GITHUB_SERVER_URL", format!("file://{}/server", self.folder.path().display()))
                .env("RUNNER_TEMP", self.folder.path().join("temp"))
                .env("RUNNER_OS", "Linux")
                .env("RUNNER_ARCH", architecture);
            for (name, value) in step["env"].as_object().into_iter().flatten() {
                shell.env(name, self.evaluate(value.as_str().expect("text"), given));
            }
            let output = shell.output().expect("bash");
            let success = output.status.success();
            last = Some(output);
            if !success {
                break;
            }
        }
        last.expect("a step")
    }

    /// Evaluates an expression such as `${{ inputs.a || github.b }}`.
    fn evaluate(&self, expression: &str, given: &[(&str, &str)]) -> String {
        let terms = expression.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}"));
        let given: BTreeMap<&str, &str> = given.iter().copied().collect();
        let value = |term: &str| match term.split_once('.').expect("a context") {
            ("inputs", name) => {
                let input = &self.action["inputs"][name];
                assert!(input.is_object(), "the action has no input {name}");
                given.get(name).map_or_else(
                    || input["default"].as_str().expect("text").to_owned(),
                    |it| (*it).to_owned(),
                )
            }
            ("github", "action_repository") => REPOSITORY.to_owned(),
            _ => String::new(),
        };
        let mut values = terms.expect("an expression").split(" || ").map(value);
        values.find(|value| !value.is_empty()).unwrap_or_default()
    }
}

fn copy(examples: &[&str], to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for name in examples {
        fs::copy(project("examples").join(name), to.join(name)).expect("a copy");
    }
}

#[test]
fn the_action_installs_the_release_and_annotates() {
    let runner = Runner::new();
    assert_eq!(runner.action["inputs"]["version"]["default"], VERSION);
    let page = page("docs/editors.md");
    assert!(page.contains(&format!("@v{VERSION}\n")) && page.contains(&format!("rev: v{VERSION}\n")));
    let shop = runner.workspace().join("my shop");
    copy(&["table.yaml", "table_test.yaml"], &shop);
    let output = runner.run(&[]);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));

    // Another folder without tests, and a test that fails.
    copy(&["minimal.yaml"], &runner.workspace().join("other"));
    let tests = fs::read_to_string(shop.join("table_test.yaml")).expect("tests");
    fs::write(shop.join("table_test.yaml"), tests.replacen("title: ", "title: not-", 1)).expect("written");
    let output = runner.run(&[("paths", "my shop\nother\n")]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("::error file=my shop/table_test.yaml,line="), "{output:?}");
    let only_validate = [("paths", "my shop\nother\n"), ("test", "false")];
    let output = runner.run(&only_validate);
    assert!(output.status.success(), "{output:?}");
    // The Secret of the app is not among the files.
    let output = runner.run(&[only_validate[0], only_validate[1], ("strict", "true")]);
    assert!(!output.status.success() && text(&output.stdout).starts_with("::warning file="), "{output:?}");

    let manifest = fs::read_to_string(shop.join("table.yaml")).expect("a manifest");
    fs::write(shop.join("table.yaml"), manifest.replacen("partitions:", "partition:", 1)).expect("written");
    let output = runner.run(&[("paths", "my shop/table.yaml")]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("::error file=my shop/table.yaml,line="), "{output:?}");
}

#[test]
fn the_action_refuses_a_changed_release() {
    let runner = Runner::new();
    let release = runner.folder.path().join(format!("server/{REPOSITORY}/releases/download/v{VERSION}"));
    let sums = fs::read_to_string(release.join("SHA256SUMS")).expect("sums");
    let changed = format!("{}{}", "0".repeat(64), &sums[64..]);
    fs::write(release.join("SHA256SUMS"), changed).expect("written");
    let output = runner.run(&[]);
    assert!(!output.status.success());
    assert!(text(&output.stdout).contains("FAILED"), "{output:?}");
}

#[test]
fn the_action_fits_the_schema_of_github() {
    let folder =
        control_plane::from_pip_with_dependencies("check-jsonschema", CHECK_JSONSCHEMA).expect("pip");
    let mut check = Command::new("python3");
    check.args(["-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions"]);
    let output = check.arg(project("action.yml")).env("PYTHONPATH", folder).output().expect("python3");
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}
