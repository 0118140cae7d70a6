//! The subcommands for people who have apps: what there is, what would become of files, and the
//! annotations that ask the operator for something. `kubectl kaspr` has the same.

mod annotate;
mod cluster;
mod completion;
mod diff;
mod error;
mod graph;
mod render;
mod resources;
mod status;

use std::{
    ffi::OsStr,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};
use serde::Serialize;

pub use error::CliError;

use super::{
    Error,
    validate::{self, ValidateArgs},
};

/// What people ask for.
#[derive(Debug, Subcommand)]
pub enum People {
    /// Show an app with its members and components, or all apps of a namespace
    Status(status::StatusArgs),
    /// Draw what flows where in an app, from files or a cluster
    Graph(graph::GraphArgs),
    /// Print the objects that the operator would make of files
    Render(render::RenderArgs),
    /// Show what the operator would change in the cluster if files were applied, and which pods would
    /// restart; the exit code is 0 for nothing, 1 for differences, 2 for trouble
    Diff(diff::DiffArgs),
    /// Ask the leader of an app for a rebalance, once
    Rebalance(annotate::WaitArgs),
    /// Stop writing anything for an app but its status
    Pause(annotate::AppArgs),
    /// Go on with an app that was paused
    Resume(annotate::AppArgs),
    /// Give the pods of an app the template that a newer operator builds
    Roll(annotate::WaitArgs),
    /// Print the completions of a shell
    Completion(completion::CompletionArgs),
}

/// Looks after Kaspr stream processors: what there is, what would become of files, and the wishes
/// that the operator heeds
#[derive(Debug, Parser)]
#[command(name = "kubectl-kaspr", bin_name = "kubectl kaspr", version, max_term_width = 100)]
pub struct Plugin {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    #[command(flatten)]
    People(People),
    /// Judge manifests as the cluster would, without one
    Validate(ValidateArgs),
}

impl Plugin {
    /// Runs the subcommand, and gives its exit code.
    pub async fn run(self) -> Result<ExitCode, Error> {
        match self.command {
            PluginCommand::People(people) => people.run().await,
            PluginCommand::Validate(args) => validate::validate(args),
        }
    }
}

/// Whether the program was started as a plugin of kubectl.
pub fn is_plugin() -> bool {
    let started_as = std::env::args_os().next();
    started_as.is_some_and(|path| Path::new(&path).file_name() == Some(OsStr::new("kubectl-kaspr")))
}

impl People {
    /// Runs the subcommand, and gives its exit code.
    pub async fn run(self) -> Result<ExitCode, Error> {
        match self {
            Self::Status(args) => status::status(args).await?,
            Self::Graph(args) => return graph::graph(args).await,
            Self::Render(args) => return render::render(args),
            Self::Diff(args) => return Ok(diff::diff(args).await),
            Self::Rebalance(args) => annotate::rebalance(args).await?,
            Self::Pause(args) => annotate::pause(args).await?,
            Self::Resume(args) => annotate::resume(args).await?,
            Self::Roll(args) => annotate::roll(args).await?,
            Self::Completion(args) => completion::completion(&args)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// How something is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// For programs
    Json,
    /// For programs, and for people too
    Yaml,
}

/// Something as a document.
fn document(value: &impl Serialize, json: bool) -> Result<String, Error> {
    if !json {
        return Ok(serde_saphyr::to_string(value)?);
    }
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::Output(error.into()))?;
    Ok(text + "\n")
}

/// Prints a text. Its colours stay where a terminal shows them and NO_COLOR is not set.
fn print(text: &str) -> Result<(), Error> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads has read enough, like `head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Error::Output),
    }
}

/// Says something that is no result, in one line.
fn note(text: &str) {
    let line = text.replace('\n', " ");
    // Whoever closed it does not want to know.
    let _ = writeln!(anstream::stderr(), "{line}");
}
