//! The subcommands.

mod certs;
mod check_admission;
mod deregister;
mod fields;
mod generate;
mod install_packages;
mod local;
mod plugin;
mod rules;
mod run;
mod settings;
mod validate;

pub use certs::CertsArgs;
pub use check_admission::CheckAdmissionArgs;
pub use deregister::DeregisterArgs;
pub use generate::{AdmissionPolicyArgs, CrdsArgs, WebhookConfigArgs};
pub use install_packages::CopyInstallerArgs;
pub use plugin::Plugin;
pub use validate::{Format, ValidateArgs, report};

use std::{ffi::OsString, io, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use thiserror::Error;

use crate::{
    certificates::{CertificateSourceError, KeyPairError},
    error_chain::describe,
    reconcile,
    settings::{InstallSettings, LogSettings, RunSettings},
    telemetry,
    webhook::WebhookServerError,
};

/// Runs Kaspr stream processors on Kubernetes, and refuses at `kubectl apply` what would fail later
#[derive(Debug, Parser)]
#[command(name = "kaspr-operator", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    log: LogSettings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator: the admission webhooks and the controllers
    Run(Box<RunSettings>),
    /// Judge manifests as the cluster would, without one
    Validate(ValidateArgs),
    /// Print every rule with its reason and cure, in Markdown
    Rules,
    /// Print every setting of `run`, in Markdown
    #[command(hide = true)]
    Settings,
    /// Print every field of every kind, in Markdown
    #[command(hide = true)]
    Fields,
    /// Print the CustomResourceDefinitions, or write them into a folder
    Crds(CrdsArgs),
    /// Print the webhook configurations, or write them into a folder
    WebhookConfig(WebhookConfigArgs),
    /// Print ValidatingAdmissionPolicies for clusters without the webhooks, or write them into a folder
    AdmissionPolicy(AdmissionPolicyArgs),
    /// Make a development CA and a server certificate in a folder
    Certs(CertsArgs),
    /// Install an app's Python packages; runs in the app's image before a member starts
    InstallPackages(Box<InstallSettings>),
    /// Copy this program to where the app's image can run it
    #[command(hide = true)]
    CopyInstaller(CopyInstallerArgs),
    #[command(flatten)]
    People(plugin::People),
    /// Try until the cluster refuses a bad resource and accepts a good one; `helm test` runs this
    #[command(hide = true)]
    CheckAdmission(CheckAdmissionArgs),
    /// Take the webhooks' registration back; `helm uninstall` runs this
    #[command(hide = true)]
    Deregister(DeregisterArgs),
}

/// Why a subcommand failed.
#[derive(Debug, Error)]
pub enum Error {
    /// A flag's value.
    #[error(transparent)]
    Level(#[from] telemetry::BadLevel),
    /// A file that can't be read or written.
    #[error("can't {what} {}: {source}", path.display())]
    File {
        /// `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard output is closed.
    #[error("can't write to standard output: {0}")]
    Output(io::Error),
    /// Something that can't be written as YAML.
    #[error("can't write YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
    /// A certificate that can't be made.
    #[error("can't make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// No cluster.
    #[error("no cluster is configured: set KUBECONFIG to a file that names one: {0}")]
    Kubeconfig(#[from] kube::config::InferConfigError),
    /// A cluster that can't be talked to.
    #[error("the cluster's configuration can't be used: {0}")]
    Client(kube::Error),
    /// No initial certificate.
    #[error(transparent)]
    CertificateSource(#[from] CertificateSourceError),
    /// A certificate that cannot be served.
    #[error(transparent)]
    KeyPair(#[from] KeyPairError),
    /// The API server refused.
    #[error("{what}: {source}")]
    Api {
        /// What was tried.
        what: String,
        /// What came of it.
        source: kube::Error,
    },
    /// The webhooks are not asked, not trusted or not there.
    #[error("admission does not work: {0}")]
    Admission(String),
    /// The metrics' address.
    #[error("can't serve metrics; is the port of --metrics-port taken? {0}")]
    Metrics(io::Error),
    /// The metrics themselves.
    #[error("can't make the metrics: {0}")]
    Prometheus(#[from] prometheus::Error),
    /// The HTTPS server.
    #[error(transparent)]
    Server(#[from] WebhookServerError),
    /// A subcommand for people.
    #[error(transparent)]
    People(#[from] plugin::CliError),
    /// Objects that can't be made.
    #[error(transparent)]
    Plan(#[from] reconcile::PlanError),
}

/// Reads the arguments and runs the subcommand; as `kubectl-kaspr`, one of those for people. Gives
/// the exit code.
pub async fn main(arguments: Vec<OsString>) -> ExitCode {
    let ran = match plugin::is_plugin() {
        true => Plugin::parse_from(arguments).run().await,
        false => Cli::parse_from(arguments).run().await,
    };
    ran.unwrap_or_else(|error| {
        eprintln!("{}: {}", program(), describe(&error));
        ExitCode::FAILURE
    })
}

/// The name that messages start with.
fn program() -> &'static str {
    if plugin::is_plugin() { "kubectl kaspr" } else { "kaspr-operator" }
}

impl Cli {
    /// Runs the subcommand, and gives its exit code.
    pub async fn run(self) -> Result<ExitCode, Error> {
        let Self { log, command } = self;
        match command {
            Command::Run(settings) => {
                telemetry::start(&log)?;
                run::run(*settings).await?;
            }
            Command::Validate(args) => return validate::validate(args),
            Command::Rules => rules::rules()?,
            Command::Settings => settings::settings()?,
            Command::Fields => fields::fields()?,
            Command::Crds(args) => generate::crds(args)?,
            Command::WebhookConfig(args) => generate::webhook_config(args)?,
            Command::AdmissionPolicy(args) => generate::admission_policy(args)?,
            Command::Certs(args) => certs::certs(args)?,
            Command::InstallPackages(settings) => return install_packages::install(*settings).await,
            Command::CopyInstaller(args) => install_packages::copy_installer(args)?,
            Command::People(people) => return people.run().await,
            Command::CheckAdmission(args) => check_admission::check_admission(args).await?,
            Command::Deregister(args) => {
                telemetry::start(&log)?;
                deregister::deregister(args).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write(path: PathBuf, text: &str) -> Result<(), Error> {
    std::fs::write(&path, text).map_err(|source| Error::File { what: "write", path, source })
}

fn make_folder(path: &std::path::Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(|source| Error::File {
        what: "make",
        path: path.to_owned(),
        source,
    })
}

/// A text in one cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
