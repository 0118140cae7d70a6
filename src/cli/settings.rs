//! `settings`: prints the reference of all settings of `run`, from their clap definitions.

use clap::{Arg, Command};

use super::{
    error::Error,
    output::{markdown_cell, write_stdout},
};

const HEADER: &str = "\
<!-- Written by `make generate`: change crates/kaspr-api/src/settings.rs. -->

# Settings

Settings of `kaspr-operator run`. Each setting can be given as a flag or as an environment variable; the
flag takes precedence. The Helm chart sets the variables: see
[values.yaml](../deploy/helm/kaspr-operator/values.yaml) for the settings with a value of their own, and use
`extraEnv` for the other settings. `kaspr-operator run --help` prints the same information.

In a cluster, the webhooks listen on all addresses at port 10250 and the metrics at port 8000 by default.
Logs are written to standard error.

| flag | variable | default | description |
|---|---|---|---|
";

/// Prints the table of all settings. `program` is the definition of the whole command line.
pub(super) fn settings(mut program: Command) -> Result<(), Error> {
    // Propagates the global flags to the subcommands.
    program.build();
    let run = program.find_subcommand("run").map(rows).unwrap_or_default();
    write_stdout(&format!("{HEADER}{run}"))
}

fn rows(command: &Command) -> String {
    command.get_arguments().filter(|argument| !argument.is_hide_set()).filter_map(row).collect()
}

/// Returns the row of a setting, or `None` for `--help`.
fn row(argument: &Arg) -> Option<String> {
    let flag = argument.get_long().filter(|flag| *flag != "help")?;
    let variable = argument.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();
    let default = argument.get_default_values().first();
    let default = default.map(|value| format!("`{}`", value.to_string_lossy())).unwrap_or_default();
    let mut help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string)?;
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|_| argument.get_action().takes_values())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !values.is_empty() && !is_boolean(argument) {
        help = format!("{help}. One of {}", values.join(", "));
    }
    let value = argument.get_value_names().filter(|_| argument.get_action().takes_values());
    let value = value.into_iter().flatten().map(|name| format!(" {name}")).collect::<String>();
    Some(format!("| `--{flag}{value}` | {variable} | {default} | {} |\n", markdown_cell(&help)))
}

fn is_boolean(argument: &Arg) -> bool {
    argument.get_value_names().into_iter().flatten().any(|name| name.as_str() == "BOOL")
}
