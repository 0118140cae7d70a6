//! Output formats of findings.

use clap::ValueEnum;

/// Output format of findings.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// Human-readable text: the line, with markers under the field
    Human,
    /// One JSON object per line for each finding
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions
    Github,
}
