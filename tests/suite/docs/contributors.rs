//! Runs the commands for contributors in the project.

use std::{env, process::Command};

use super::{Step, commands, page, project};
use crate::harness::text;

/// Beginnings of commands that build for minutes, or run the tests themselves.
const LONG: [&str; 7] = [
    "make test",
    "make faults",
    "make image-tree",
    "make generate",
    "make release",
    "tests/packages/musl-python.sh",
    "MUSL_PYTHON=",
];

fn is_long(step: &Step) -> bool {
    LONG.iter().any(|begin| step.command.starts_with(begin))
}

/// Runs commands, and prints the last line of each output.
fn run(steps: &[Step]) {
    assert!(!steps.is_empty());
    // The variables that cargo sets for a test would cause a rebuild.
    let is_set_by_cargo = |name: &str| name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_");
    let environment = || env::vars().filter(|(name, _)| !is_set_by_cargo(name));
    for Step { command, code } in steps {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(project(".")).env_clear().envs(environment());
        let output = shell.output().expect("a shell");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(*code), "{command}\n{out}\n{err}");
        println!("{command}\n    {}", out.trim_end().lines().last().unwrap_or_default());
    }
}

fn steps() -> (Vec<Step>, Vec<Step>) {
    commands(&page("docs/contributing.md")).into_iter().partition(is_long)
}

#[test]
fn short_commands_for_contributors_work() {
    run(&steps().1);
}

#[test]
#[ignore = "it takes an hour; PYTHON_SOURCE must name a source archive of CPython"]
fn long_commands_for_contributors_work() {
    let (long, _) = steps();
    for begin in LONG {
        assert!(long.iter().any(|step| step.command.starts_with(begin)), "no page has {begin}");
    }
    run(&long);
}
