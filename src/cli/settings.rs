//! The reference of all settings of `run`, as clap knows them.

use std::io::{self, Write};

use clap::{Arg, Command, CommandFactory};

use super::{Cli, Error, cell};

const HEAD: &str = "\
<!-- Written by `make generate`: change src/settings.rs. -->

# Settings

What `kaspr-operator run` can be told, by a flag or by the environment variable beside it; the flag
wins. The chart's values set the variables: [values.yaml](../deploy/helm/kaspr-operator/values.yaml)
names those that it knows, and `extraEnv` takes any. `kaspr-operator run --help` says the same.

In a cluster, the webhooks listen on all addresses at port 10250 and the metrics at port 8000, unless told
otherwise. Logs go to standard error.

| flag | variable | default | what it does |
|---|---|---|---|
";

/// Prints the table of all settings.
pub fn settings() -> Result<(), Error> {
    let mut program = Cli::command();
    // Until then, flags of the whole program are unknown to `run`.
    program.build();
    let run = program.find_subcommand("run").map(rows).unwrap_or_default();
    io::stdout().write_all(format!("{HEAD}{run}").as_bytes()).map_err(Error::Output)
}

fn rows(command: &Command) -> String {
    command.get_arguments().filter(|argument| !argument.is_hide_set()).filter_map(row).collect()
}

/// A setting; `--help` is none.
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
    Some(format!("| `--{flag}{value}` | {variable} | {default} | {} |\n", cell(&help)))
}

fn is_boolean(argument: &Arg) -> bool {
    argument.get_value_names().into_iter().flatten().any(|name| name.as_str() == "BOOL")
}
