//! `admission-policy`: prints policies that validate resources in clusters without the webhooks.

use std::path::PathBuf;

use clap::Args;

use super::{
    error::Error,
    output::{to_yaml, write_manifests},
};
use crate::admission::validating_admission_policy;

/// Arguments of `admission-policy`.
#[derive(Args, Debug)]
pub(super) struct AdmissionPolicyArgs {
    /// Write the file to this directory instead of standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the ValidatingAdmissionPolicies and their bindings or writes them to a directory.
pub(super) fn admission_policy(args: AdmissionPolicyArgs) -> Result<(), Error> {
    let AdmissionPolicyArgs { out } = args;
    let mut documents = Vec::new();
    for (policy, binding) in validating_admission_policy::policies() {
        documents.extend([to_yaml(&policy)?, to_yaml(&binding)?]);
    }
    write_manifests(out, vec![("validating-admission-policy.yaml".to_owned(), documents.join("---\n"))])
}
