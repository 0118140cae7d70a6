//! The subcommands of the kubectl plugin.

mod annotations;
mod diff;
mod errors;
mod graph;
mod kubectl;
mod kustomization;
mod page;
mod render;
mod status;

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use crate::harness::{BINARY, Namespace, eventually, plane, text};

/// Names of the subcommands.
const SUBCOMMANDS: [&str; 12] = [
    "status",
    "graph",
    "render",
    "diff",
    "rebalance",
    "pause",
    "resume",
    "roll",
    "history",
    "undo",
    "validate",
    "completion",
];

/// Exit code and output of a subcommand.
#[derive(Debug)]
pub(crate) struct Ran {
    code: i32,
    said: String,
    noted: String,
}

/// Prepares a subcommand.
fn command(args: &[&str], kubeconfig: Option<&Path>) -> Command {
    let mut command = Command::new(BINARY);
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).env("HOME", "/nonexistent");
    command.env_remove("KUBECONFIG").env_remove("CLICOLOR_FORCE").env_remove("NO_COLOR");
    if let Some(kubeconfig) = kubeconfig {
        command.env("KUBECONFIG", kubeconfig);
    }
    command
}

/// Runs a subcommand with a text as standard input.
fn run(mut command: Command, input: &str) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    // A subcommand that needs no input may have exited.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("an end");
    Ran {
        code: output.status.code().expect("an exit code"),
        said: text(&output.stdout),
        noted: text(&output.stderr),
    }
}

/// Runs a subcommand that needs no cluster.
fn alone(args: &[&str], input: &str) -> Ran {
    run(command(args, None), input)
}

/// Runs a subcommand in a namespace of the shared cluster.
pub(crate) fn within(namespace: &Namespace, args: &[&str], input: &str) -> Ran {
    let args = [args, &["-n", &namespace.name]].concat();
    run(command(&args, Some(plane().kubeconfig())), input)
}

impl Ran {
    /// Returns standard output of a subcommand that must succeed.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.said
    }
}

/// An app with a table and an agent that uses it.
const APP: &str = "
apiVersion: kaspr.io/v1alpha1
kind: KasprApp
metadata: {name: clicks}
spec:
  replicas: 2
  bootstrapServers: kafka:9092
  authentication: {type: scram-sha-512, username: u, passwordSecret: {secretName: s, passwordKey: p}}
  config: {topicPartitions: 4}
---
apiVersion: kaspr.io/v1alpha1
kind: KasprTable
metadata: {name: clicks-counts, labels: {kaspr.io/app: clicks}}
spec: {name: clicks-counts, partitions: 4}
---
apiVersion: kaspr.io/v1alpha1
kind: KasprAgent
metadata: {name: clicks-counter, labels: {kaspr.io/app: clicks}}
spec:
  input: {topic: {name: clicks}}
  processors:
    pipeline: [count]
    operations:
    - {name: count, tables: [{name: clicks-counts, paramName: counts}], map: {python: 'def f(v, counts): return v'}}
";

/// Waits until the operator has applied the files, so that `diff` shows no difference.
fn settled(namespace: &Namespace, files: &str) {
    eventually("no difference", || {
        let ran = within(namespace, &["diff", "-"], files);
        if ran.code == 0 { Ok(()) } else { Err(format!("{ran:?}")) }
    });
}
