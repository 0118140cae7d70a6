//! Arguments of `kaspr-operator` and the dispatch to the subcommands.

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};

use super::{
    admission_policy::{self, AdmissionPolicyArgs},
    certs::{self, CertsArgs},
    check_admission::{self, CheckAdmissionArgs},
    crds::{self, CrdsArgs},
    deregister::{self, DeregisterArgs},
    error::Error,
    fields,
    install_packages::{self, CopyInstallerArgs},
    lsp,
    plugin::{Plugin, PluginSubcommand},
    program::{is_kubectl_plugin, program_name},
    rules, run,
    schema::{self, SchemaArgs},
    settings,
    test::{self, TestArgs},
    validate::{self, ValidateArgs},
    webhook_config::{self, WebhookConfigArgs},
};
use crate::{
    error_chain::describe,
    settings::{InstallSettings, LogSettings, RunSettings},
    telemetry,
};

/// Runs Kaspr stream processors on Kubernetes, and rejects invalid resources at `kubectl apply`
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
    /// Validate manifests offline, with the rules that the cluster applies
    Validate(ValidateArgs),
    /// Run the pipelines of manifests with messages of test files, without Kafka and without a cluster. Runs the Python
    /// code of the manifests on this machine
    Test(TestArgs),
    /// Run a language server on standard input and output, which editors start: it validates manifests while you type,
    /// and completes names
    Lsp,
    /// Print every rule with its reason and remedy, in Markdown
    Rules,
    /// Print every setting of `run`, in Markdown
    #[command(hide = true)]
    Settings,
    /// Print every field of every kind, in Markdown
    #[command(hide = true)]
    Fields,
    /// Print the CustomResourceDefinitions, or write them to a directory
    Crds(CrdsArgs),
    /// Print the JSON Schema of manifests, of a kind or of test files, for editors and kubeconform, or write all
    /// schemas to a directory
    Schema(SchemaArgs),
    /// Print the webhook configurations, or write them to a directory
    WebhookConfig(WebhookConfigArgs),
    /// Print ValidatingAdmissionPolicies for clusters without the webhooks, or write them to a directory
    AdmissionPolicy(AdmissionPolicyArgs),
    /// Create a development CA and a server certificate in a directory
    Certs(CertsArgs),
    /// Install an app's Python packages; runs in the app's image before a member starts
    InstallPackages(Box<InstallSettings>),
    /// Copy this program to a volume from which the app's image can run it
    #[command(hide = true)]
    CopyInstaller(CopyInstallerArgs),
    #[command(flatten)]
    Plugin(PluginSubcommand),
    /// Wait until the cluster rejects an invalid resource and accepts a valid one; run by `helm test`
    #[command(hide = true)]
    CheckAdmission(CheckAdmissionArgs),
    /// Delete the webhook configurations; run by `helm uninstall`
    #[command(hide = true)]
    Deregister(DeregisterArgs),
}

/// Parses the arguments, runs the subcommand and returns the exit code. A program that is named
/// `kubectl-kaspr` has the subcommands of the kubectl plugin only.
pub async fn main(arguments: Vec<OsString>) -> ExitCode {
    let result = if is_kubectl_plugin() {
        Plugin::parse_from(arguments).run().await
    } else {
        Cli::parse_from(arguments).run().await
    };
    result.unwrap_or_else(|error| {
        eprintln!("{}: {}", program_name(), describe(&error));
        ExitCode::FAILURE
    })
}

impl Cli {
    /// Runs the subcommand and returns its exit code.
    ///
    /// # Errors
    ///
    /// The subcommand fails.
    pub async fn run(self) -> Result<ExitCode, Error> {
        let Self { log, command } = self;
        match command {
            Command::Run(settings) => {
                telemetry::init_logging(&log)?;
                run::run(*settings).await?;
            }
            Command::Validate(args) => return validate::validate(args),
            Command::Test(args) => return test::test(args),
            Command::Lsp => return lsp::lsp(),
            Command::Rules => rules::rules()?,
            Command::Settings => settings::settings(Self::command())?,
            Command::Fields => fields::fields()?,
            Command::Crds(args) => crds::crds(args)?,
            Command::Schema(args) => schema::schema(args)?,
            Command::WebhookConfig(args) => webhook_config::webhook_config(args)?,
            Command::AdmissionPolicy(args) => admission_policy::admission_policy(args)?,
            Command::Certs(args) => certs::certs(args)?,
            Command::InstallPackages(settings) => return install_packages::install(*settings).await,
            Command::CopyInstaller(args) => install_packages::copy_installer(args)?,
            Command::Plugin(subcommand) => return subcommand.run(Self::command()).await,
            Command::CheckAdmission(args) => check_admission::check_admission(args).await?,
            Command::Deregister(args) => {
                telemetry::init_logging(&log)?;
                deregister::deregister(args).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
