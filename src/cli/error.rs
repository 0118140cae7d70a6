//! Errors of the subcommands.

use std::{io, path::PathBuf};

use thiserror::Error;

use super::{plugin::error::CliError, test::TestError};
use crate::{
    certificates::{CertificateSourceError, KeyPairError},
    reconcile, telemetry,
    webhook::WebhookServerError,
};

/// Error of a subcommand.
#[derive(Debug, Error)]
pub enum Error {
    /// The value of `--log-level` is not valid.
    #[error(transparent)]
    LogLevel(#[from] telemetry::InvalidLogLevel),
    /// A file or directory cannot be read, written or created.
    #[error("failed to {what} {}: {source}", path.display())]
    File {
        /// Operation that failed, such as `read` or `write`.
        what: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// Cause of the failure.
        source: io::Error,
    },
    /// Standard output is closed, or its content cannot be encoded.
    #[error("failed to write to standard output: {0}")]
    Output(io::Error),
    /// An object cannot be written as YAML.
    #[error("failed to write YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
    /// A certificate cannot be created.
    #[error("failed to create a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// No cluster is configured.
    #[error("no cluster is configured: set KUBECONFIG to a file that names one: {0}")]
    Kubeconfig(String),
    /// The configuration of the cluster is not valid.
    #[error("failed to use the configuration of the cluster: {0}")]
    Client(kube::Error),
    /// The initial certificate of the webhooks is not available.
    #[error(transparent)]
    CertificateSource(#[from] CertificateSourceError),
    /// A certificate and a key cannot be used together.
    #[error(transparent)]
    KeyPair(#[from] KeyPairError),
    /// A request to the API server failed.
    #[error("{what}: {source}")]
    Api {
        /// Operation that failed, as `failed to VERB OBJECT`.
        what: String,
        /// Response of the API server, or a connection error.
        source: kube::Error,
    },
    /// The API server does not call the webhooks, or does not trust them.
    #[error("admission does not work: {0}")]
    Admission(String),
    /// The metrics endpoint cannot be served.
    #[error("failed to serve metrics; check that the port of --metrics-port is free: {0}")]
    Metrics(io::Error),
    /// The metrics are not valid.
    #[error("failed to create the metrics: {0}")]
    Prometheus(#[from] prometheus::Error),
    /// The HTTPS server of the webhooks failed.
    #[error(transparent)]
    Server(#[from] WebhookServerError),
    /// A subcommand of the kubectl plugin failed.
    #[error(transparent)]
    Plugin(#[from] CliError),
    /// The tests of pipelines cannot be run.
    #[error(transparent)]
    Test(#[from] TestError),
    /// The connection between an editor and the language server failed.
    #[error("the language server ended, because its editor did not follow the protocol: {0}")]
    LanguageServer(String),
    /// The objects of an app cannot be built.
    #[error(transparent)]
    Plan(#[from] reconcile::PlanError),
}
