//! `webhook-config`: prints the webhook configurations.

use std::path::PathBuf;

use clap::Args;

use super::{
    error::Error,
    output::{to_yaml, write_manifests},
};
use crate::webhook::registration::{Target, configurations};

/// Arguments of `webhook-config`.
#[derive(Args, Debug)]
pub(super) struct WebhookConfigArgs {
    /// Namespace of the operator
    #[arg(long, default_value = "kaspr-operator", value_name = "NAME")]
    namespace: String,
    /// Service of the webhooks
    #[arg(long, default_value = "kaspr-operator-webhook", value_name = "NAME")]
    service: String,
    /// cert-manager Certificate in the operator's namespace whose CA is injected
    #[arg(long, default_value = "kaspr-operator-webhook", value_name = "NAME")]
    certificate: String,
    /// URL of the webhooks, for an operator outside the cluster: https://HOST:PORT
    #[arg(long, value_name = "URL", requires = "ca_file")]
    url: Option<String>,
    /// File with the CA of the webhooks' certificate, in PEM format; with --url
    #[arg(long, value_name = "FILE", requires = "url")]
    ca_file: Option<PathBuf>,
    /// Write one file for each configuration to this directory instead of standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the webhook configurations or writes them to a directory.
pub(super) fn webhook_config(args: WebhookConfigArgs) -> Result<(), Error> {
    let WebhookConfigArgs { namespace, service, certificate, url, ca_file, out } = args;
    let target = if let (Some(url), Some(path)) = (url, ca_file) {
        let authority =
            std::fs::read_to_string(&path).map_err(|source| Error::File { what: "read", path, source })?;
        Target::Url { base: url.trim_end_matches('/').to_owned(), authority }
    } else {
        Target::Service { certificate: format!("{namespace}/{certificate}"), namespace, name: service }
    };
    let (mutating, validating) = configurations(&target);
    let files = vec![
        ("mutating-webhook.yaml".to_owned(), to_yaml(&mutating)?),
        ("validating-webhook.yaml".to_owned(), to_yaml(&validating)?),
    ];
    write_manifests(out, files)
}
