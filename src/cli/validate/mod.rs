//! `validate`: judges manifests as the cluster would, without one.

mod evaluate;
mod locate;
mod print;
mod read;
mod schema;
mod set;

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

pub use self::set::Files;
use self::{print::Printer, read::Input};
use super::Error;
use crate::validate::rule::{self, Rule};

/// Something could not be read, so there is no verdict.
const UNREAD: u8 = 2;

/// How often the progress on a terminal is drawn.
const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// Arguments of `validate`.
#[derive(Args, Debug)]
pub struct ValidateArgs {
    /// Files and folders of manifests; '-' for standard input, such as the output of
    /// `helm template` or `kustomize build`
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Namespace of the resources that name none
    #[arg(short, long, default_value = "default", value_name = "NAME")]
    namespace: String,
    /// How findings are written
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    format: Format,
    /// Fail on warnings too
    #[arg(long)]
    strict: bool,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// For people: the line with a mark under it
    Human,
    /// An object a line for each finding
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions
    Github,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Severity {
    Error,
    Warning,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A finding in a document.
struct Finding {
    /// What the finding is about, where it is known.
    resource: Option<Resource>,
    severity: Severity,
    rule: &'static Rule,
    field: String,
    message: String,
    /// Bytes of the input that it is about.
    bytes: std::ops::Range<usize>,
    /// Index of the input.
    input: usize,
}

/// The resource that a finding is about.
#[derive(Clone)]
struct Resource {
    kind: String,
    namespace: String,
    name: String,
}

/// Judges the manifests and prints what is found.
///
/// The exit code is 0 where nothing is wrong, 1 for errors (with `--strict` for warnings too), 2
/// where something can't be read.
pub fn validate(args: ValidateArgs) -> Result<ExitCode, Error> {
    let ValidateArgs { paths, namespace, format, strict } = args;
    let mut inputs = Vec::new();
    for path in &paths {
        inputs.extend(read::inputs(path));
    }
    let progress = progress();
    let documents = read::documents(&inputs, &progress);
    let findings = evaluate::evaluate(&inputs, &documents, &namespace, &progress);
    progress.finish_and_clear();
    let printer = Printer { inputs: &inputs, findings: &findings, documents: documents.len() };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let printed = printer.print(format, io::stdout().is_terminal(), &mut out);
    match printed.and_then(|()| out.flush()) {
        // Whoever reads has read enough, like `head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other.map_err(Error::Output)?,
    }
    let unread = findings.iter().any(|finding| finding.rule == rule::UNREADABLE);
    let failed = findings.iter().any(|finding| strict || finding.severity == Severity::Error);
    Ok(if unread { ExitCode::from(UNREAD) } else { ExitCode::from(u8::from(failed)) })
}

/// Judges a text of manifests and gives what `validate` prints of it.
///
/// Errors: none that a text can bring about.
pub fn report(text: &str, format: Format) -> io::Result<String> {
    let inputs = [Input::new("-".to_owned(), Ok(text.to_owned()))];
    let progress = ProgressBar::hidden();
    let documents = read::documents(&inputs, &progress);
    let findings = evaluate::evaluate(&inputs, &documents, "default", &progress);
    let mut out = Vec::new();
    Printer { inputs: &inputs, findings: &findings, documents: documents.len() }
        .print(format, false, &mut out)?;
    String::from_utf8(out).map_err(io::Error::other)
}

/// A counter on a terminal; elsewhere it is silent.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} documents, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(DRAWN_EVERY);
    bar
}
