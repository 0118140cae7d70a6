//! `completion`: prints the completion script for a shell.

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::output::print;
use crate::cli::error::Error;

/// Arguments of `completion`.
#[derive(Args, Debug)]
pub(crate) struct CompletionArgs {
    /// Shell to complete commands for
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the completion script for the name under which the program was started.
pub(super) fn completion(args: &CompletionArgs, mut program: Command) -> Result<(), Error> {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    generate(args.shell, &mut program, name, &mut script);
    print(&String::from_utf8_lossy(&script))
}
