//! `crds`: prints the CustomResourceDefinitions.

use std::path::PathBuf;

use clap::Args;
use kube::ResourceExt;

use super::{
    error::Error,
    output::{to_yaml, write_manifests},
};
use crate::crds;

/// Arguments of `crds`.
#[derive(Args, Debug)]
pub(super) struct CrdsArgs {
    /// Write one file for each CRD to this directory instead of standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the CRDs or writes them to a directory.
pub(super) fn crds(args: CrdsArgs) -> Result<(), Error> {
    let CrdsArgs { out } = args;
    let files = crds::all().into_iter().map(|crd| Ok((format!("{}.yaml", crd.name_any()), to_yaml(&crd)?)));
    write_manifests(out, files.collect::<Result<_, Error>>()?)
}
