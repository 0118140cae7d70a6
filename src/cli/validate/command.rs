//! Arguments and exit codes of `validate`.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use indicatif::ProgressBar;

use super::{
    documents::parse_documents,
    evaluate::evaluate,
    finding::Severity,
    format::Format,
    input::{Input, read_inputs},
    printer::print_report,
    progress::progress_bar,
    validation_report::ValidationReport,
};
use crate::{cli::error::Error, validate::rule};

/// Exit code if a file or document cannot be read.
const EXIT_UNREADABLE: u8 = 2;

/// Arguments of `validate`.
#[derive(Args, Debug)]
pub(crate) struct ValidateArgs {
    /// Files and directories with manifests; '-' for standard input, such as the output of
    /// `helm template` or `kustomize build`
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Namespace of the resources that do not set one
    #[arg(short, long, default_value = "default", value_name = "NAME")]
    namespace: String,
    /// Output format of findings
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    format: Format,
    /// Fail on warnings too
    #[arg(long)]
    strict: bool,
}

/// Validates manifests and prints the findings.
///
/// The exit code is 0 if there are no errors, 1 for errors (with `--strict` also for warnings), and 2 if a
/// file or document cannot be read.
pub(crate) fn validate(args: ValidateArgs) -> Result<ExitCode, Error> {
    let ValidateArgs { paths, namespace, format, strict } = args;
    let inputs = read_inputs(&paths);
    let progress = progress_bar();
    let mut documents = parse_documents(&inputs, &progress);
    let (findings, _) = evaluate(&inputs, &mut documents, &namespace, &progress);
    progress.finish_and_clear();
    let report = ValidationReport { inputs: &inputs, findings: &findings, documents: documents.len() };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let printed = print_report(&report, format, io::stdout().is_terminal(), &mut out);
    match printed.and_then(|()| out.flush()) {
        // The reader, such as `head`, closed the pipe because it needs no more lines.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other.map_err(Error::Output)?,
    }
    let unreadable = findings.iter().any(|finding| finding.rule == rule::UNREADABLE);
    let failed = findings.iter().any(|finding| strict || finding.severity == Severity::Error);
    Ok(if unreadable { ExitCode::from(EXIT_UNREADABLE) } else { ExitCode::from(u8::from(failed)) })
}

/// Validates a text with manifests and returns the output of `validate`.
///
/// # Errors
///
/// The output cannot be formatted. No text causes this error.
pub fn report(text: &str, format: Format) -> io::Result<String> {
    let inputs = [Input::new("-".to_owned(), Ok(text.to_owned()))];
    let progress = ProgressBar::hidden();
    let mut documents = parse_documents(&inputs, &progress);
    let (findings, _) = evaluate(&inputs, &mut documents, "default", &progress);
    let mut out = Vec::new();
    let report = ValidationReport { inputs: &inputs, findings: &findings, documents: documents.len() };
    print_report(&report, format, false, &mut out)?;
    String::from_utf8(out).map_err(io::Error::other)
}
