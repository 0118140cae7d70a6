//! What is generated from the types: CRDs and webhook configurations.

use std::{io::Write, path::PathBuf};

use clap::Args;
use kube::ResourceExt;
use serde::Serialize;

use super::{Error, make_folder, write};
use crate::{
    admission::validating_admission_policy,
    crds,
    webhook::registration::{Target, configurations},
};

/// Arguments of `crds`.
#[derive(Args, Debug)]
pub struct CrdsArgs {
    /// Write a file for each CRD into this folder, in place of standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Arguments of `webhook-config`.
#[derive(Args, Debug)]
pub struct WebhookConfigArgs {
    /// Namespace of the operator
    #[arg(long, default_value = "kaspr-operator", value_name = "NAME")]
    namespace: String,
    /// Service in front of the webhooks
    #[arg(long, default_value = "kaspr-operator-webhook", value_name = "NAME")]
    service: String,
    /// cert-manager Certificate whose CA is injected, in the operator's namespace
    #[arg(long, default_value = "kaspr-operator-webhook", value_name = "NAME")]
    certificate: String,
    /// URL of the webhooks, for an operator outside the cluster: https://HOST:PORT
    #[arg(long, value_name = "URL", requires = "ca_file")]
    url: Option<String>,
    /// CA of the webhooks' certificate, PEM; with --url
    #[arg(long, value_name = "FILE", requires = "url")]
    ca_file: Option<PathBuf>,
    /// Write a file for each configuration into this folder, in place of standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Arguments of `admission-policy`.
#[derive(Args, Debug)]
pub struct AdmissionPolicyArgs {
    /// Write the file into this folder, in place of standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints or writes the CRDs.
pub fn crds(args: CrdsArgs) -> Result<(), Error> {
    let CrdsArgs { out } = args;
    let files = crds::all().into_iter().map(|crd| Ok((format!("{}.yaml", crd.name_any()), yaml(&crd)?)));
    emit(out, files.collect::<Result<_, Error>>()?)
}

/// Prints or writes the webhook configurations.
pub fn webhook_config(args: WebhookConfigArgs) -> Result<(), Error> {
    let WebhookConfigArgs { namespace, service, certificate, url, ca_file, out } = args;
    let target = match (url, ca_file) {
        (Some(url), Some(path)) => {
            let authority = std::fs::read_to_string(&path).map_err(|source| Error::File {
                what: "read",
                path,
                source,
            })?;
            Target::Url { base: url.trim_end_matches('/').to_owned(), authority }
        }
        _ => Target::Service { certificate: format!("{namespace}/{certificate}"), namespace, name: service },
    };
    let (mutating, validating) = configurations(&target);
    let files = vec![
        ("mutating-webhook.yaml".to_owned(), yaml(&mutating)?),
        ("validating-webhook.yaml".to_owned(), yaml(&validating)?),
    ];
    emit(out, files)
}

/// Prints or writes the policies for clusters without the webhooks.
pub fn admission_policy(args: AdmissionPolicyArgs) -> Result<(), Error> {
    let AdmissionPolicyArgs { out } = args;
    let mut texts = Vec::new();
    for (policy, binding) in validating_admission_policy::policies() {
        texts.extend([yaml(&policy)?, yaml(&binding)?]);
    }
    emit(out, vec![("validating-admission-policy.yaml".to_owned(), texts.join("---\n"))])
}

fn yaml(object: &impl Serialize) -> Result<String, Error> {
    Ok(serde_saphyr::to_string(object)?)
}

fn emit(out: Option<PathBuf>, files: Vec<(String, String)>) -> Result<(), Error> {
    let Some(folder) = out else {
        let documents: Vec<String> = files.into_iter().map(|(_, text)| text).collect();
        return std::io::stdout().write_all(documents.join("---\n").as_bytes()).map_err(Error::Output);
    };
    make_folder(&folder)?;
    files.into_iter().try_for_each(|(name, text)| write(folder.join(name), &text))
}
