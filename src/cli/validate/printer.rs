//! Printer of findings.

use std::io::{self, Write};

use super::{
    format::Format,
    human_format::print_human,
    machine_formats::{print_github, print_json, print_sarif},
    validation_report::ValidationReport,
};

/// Prints findings in a format. `terminal` enables colors.
///
/// # Errors
///
/// The output cannot be written.
pub(in crate::cli) fn print_report(
    report: &ValidationReport<'_>,
    format: Format,
    terminal: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    match format {
        Format::Human => print_human(report, terminal, out),
        Format::Json => print_json(report, out),
        Format::Sarif => print_sarif(report, out),
        Format::Github => print_github(report, out),
    }
}
