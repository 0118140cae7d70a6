//! Output of the plugin's subcommands.

use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::cli::error::Error;

/// Output format of a subcommand.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Human-readable text
    Text,
    /// JSON
    Json,
    /// YAML
    Yaml,
}

/// Serializes a value as indented JSON.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::Output(error.into()))?;
    Ok(text + "\n")
}

/// Prints a text to standard output. Colors are removed if standard output is not a terminal, or if
/// NO_COLOR is set.
pub(super) fn print(text: &str) -> Result<(), Error> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // The reader, such as `head`, closed the pipe because it needs no more lines.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Error::Output),
    }
}

/// Prints a message to standard error, on one line.
pub(super) fn print_message(text: &str) {
    let line = text.replace('\n', " ");
    // A closed standard error leaves no place to report the failure.
    let _ = writeln!(anstream::stderr(), "{line}");
}
