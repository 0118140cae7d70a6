//! `completion`: what a shell needs to complete our words.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Plugin, is_plugin, print};
use crate::cli::{Cli, Error};

/// Arguments of `completion`.
#[derive(Args, Debug)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the completions, for the name that the program was started by.
pub fn completion(args: &CompletionArgs) -> Result<(), Error> {
    let mut text = Vec::new();
    if is_plugin() {
        generate(args.shell, &mut Plugin::command(), "kubectl-kaspr", &mut text);
    } else {
        generate(args.shell, &mut Cli::command(), "kaspr-operator", &mut text);
    }
    print(&String::from_utf8_lossy(&text))
}
