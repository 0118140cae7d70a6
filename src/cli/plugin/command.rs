//! Arguments of the kubectl plugin and the dispatch to the subcommands.

use std::process::ExitCode;

use clap::{Command, CommandFactory, Parser, Subcommand};

use super::{
    app_handle::AppArgs,
    cluster::GlobalClusterArgs,
    completion::{self, CompletionArgs},
    diff::{self, DiffArgs},
    graph::{self, GraphArgs},
    history::{self, HistoryArgs},
    pause, rebalance,
    render::{self, RenderArgs},
    resume, roll,
    status::{self, StatusArgs},
    undo::{self, UndoArgs},
    wait_args::WaitArgs,
};
use crate::cli::{
    error::Error,
    test::{self, TestArgs},
    validate::{self, ValidateArgs},
};

/// Subcommands of the kubectl plugin, which `kaspr-operator` has too.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginSubcommand {
    /// Show an app with its members and components, or all apps of a namespace
    Status(StatusArgs),
    /// Draw the data flow of an app, from files or a cluster
    Graph(GraphArgs),
    /// Print the objects that the operator would create from files
    Render(RenderArgs),
    /// Show which objects the operator would change if files were applied, and which pods would restart.
    /// The exit code is 0 for no differences, 1 for differences, 2 for errors
    Diff(DiffArgs),
    /// Request one rebalance from the leader of an app
    Rebalance(WaitArgs),
    /// Pause the reconciliation of an app: the operator updates only the app's status
    Pause(AppArgs),
    /// Resume the reconciliation of a paused app
    Resume(AppArgs),
    /// Roll an app's pods to the pod template of the current operator version
    Roll(WaitArgs),
    /// List the revisions of an app's pods: what changed, which pods run them, and whether they worked
    History(HistoryArgs),
    /// Return an app's pods to an earlier revision. The spec does not change: its next change ends the return
    Undo(UndoArgs),
    /// Print the completion script for a shell
    Completion(CompletionArgs),
}

/// Inspect apps, preview changes and request operator actions
#[derive(Debug, Parser)]
#[command(name = "kubectl-kaspr", bin_name = "kubectl kaspr", version, max_term_width = 100)]
pub struct Plugin {
    #[command(flatten)]
    _cluster: GlobalClusterArgs,
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    #[command(flatten)]
    Plugin(PluginSubcommand),
    /// Validate manifests offline, with the rules that the cluster applies
    Validate(ValidateArgs),
    /// Run the pipelines of manifests with messages of test files, without Kafka and without a cluster. Runs the Python
    /// code of the manifests on this machine
    Test(TestArgs),
}

impl Plugin {
    /// Runs the subcommand and returns its exit code.
    ///
    /// # Errors
    ///
    /// The subcommand fails.
    pub async fn run(self) -> Result<ExitCode, Error> {
        match self.command {
            PluginCommand::Plugin(subcommand) => subcommand.run(Self::command()).await,
            PluginCommand::Validate(args) => validate::validate(args),
            PluginCommand::Test(args) => test::test(args),
        }
    }
}

impl PluginSubcommand {
    /// Runs the subcommand and returns its exit code. `program` is the definition of the command line
    /// that the subcommand belongs to.
    ///
    /// # Errors
    ///
    /// The subcommand fails.
    pub(crate) async fn run(self, program: Command) -> Result<ExitCode, Error> {
        match self {
            Self::Status(args) => status::status(args).await?,
            Self::Graph(args) => return graph::graph(args).await,
            Self::Render(args) => return render::render(args),
            Self::Diff(args) => return Ok(diff::diff(args).await),
            Self::Rebalance(args) => rebalance::rebalance(args).await?,
            Self::Pause(args) => pause::pause(args).await?,
            Self::Resume(args) => resume::resume(args).await?,
            Self::Roll(args) => roll::roll(args).await?,
            Self::History(args) => history::history(args).await?,
            Self::Undo(args) => undo::undo(args).await?,
            Self::Completion(args) => completion::completion(&args, program)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
