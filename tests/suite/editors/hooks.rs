//! The hooks of `.pre-commit-hooks.yaml`, run by pre-commit itself.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output},
};

use super::project;
use crate::harness::{BINARY, text};

const PRE_COMMIT: &str = "4.7.0";

/// Commits all files of a folder to a new repository in it, without the user's settings. Returns the commit.
fn commit(folder: &Path) -> String {
    let mut last = String::new();
    for args in [
        &["init", "--quiet"][..],
        &["add", "--all"],
        &["commit", "--quiet", "--message=x"],
        &["rev-parse", "HEAD"],
    ] {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]);
        let output = git.args(args).current_dir(folder).output().expect("git");
        assert!(output.status.success(), "{}", text(&output.stderr));
        last = text(&output.stdout);
    }
    last.trim().to_owned()
}

/// Replaces a part of a file.
fn replace(file: &Path, from: &str, to: &str) {
    let before = fs::read_to_string(file).expect("text");
    let after = before.replacen(from, to, 1);
    assert_ne!(before, after);
    fs::write(file, after).expect("written");
}

#[test]
fn pre_commit_runs_the_hooks() {
    let pre_commit = control_plane::from_pip_with_dependencies("pre-commit", PRE_COMMIT).expect("pre-commit");
    let folder = tempfile::tempdir().expect("a folder");
    let [hooks, work, programs] = ["hooks", "work", "bin"].map(|name| folder.path().join(name));
    for folder in [&hooks, &work, &programs, &work.join("manifests")] {
        fs::create_dir(folder).expect("a folder");
    }
    symlink(BINARY, programs.join("kaspr-operator")).expect("a link");
    let name = ".pre-commit-hooks.yaml";
    fs::copy(project(name), hooks.join(name)).expect("a copy");

    let config = format!(
        "repos:\n- repo: {}\n  rev: {}\n  hooks:\n  - id: kaspr-validate\n    args: [manifests]\n  - id: kaspr-test\n",
        hooks.display(),
        commit(&hooks)
    );
    fs::write(work.join(".pre-commit-config.yaml"), config).expect("written");
    let [manifest, tests] = ["table.yaml", "table_test.yaml"].map(|name| {
        let copy = work.join("manifests").join(name);
        fs::copy(project("examples").join(name), &copy).expect("a copy");
        copy
    });
    commit(&work);
    let run = || -> Output {
        let mut run = Command::new("python3");
        run.args(["-m", "pre_commit", "run", "--all-files", "--color=never"]).current_dir(&work);
        run.env("PYTHONPATH", &pre_commit).env("PRE_COMMIT_HOME", folder.path().join("cache"));
        run.env("PATH", format!("{}:{}", programs.display(), env::var("PATH").unwrap_or_default()));
        run.output().expect("python3")
    };
    let results = |output: &Output| -> Vec<String> {
        let lines = text(&output.stdout);
        lines.lines().filter_map(|line| Some(line.rsplit_once("...")?.1.to_owned())).collect()
    };

    let output = run();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(results(&output), ["Passed", "Passed"]);

    replace(&tests, "title: ", "title: not-");
    let output = run();
    assert_eq!(results(&output), ["Passed", "Failed"], "{}", text(&output.stdout));

    replace(&tests, "title: not-", "title: ");
    replace(&manifest, "partitions:", "partition:");
    let output = run();
    assert_eq!(results(&output)[0], "Failed", "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("did you mean 'partitions'?"), "{}", text(&output.stdout));
}
