//! The cluster that the environment names.

use std::env;

use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::error_chain::describe;

/// Returns the configuration of the cluster that KUBECONFIG names, or else `~/.kube/config`, or else the pod in which
/// the program runs. `context` selects a context of the files. As for kubectl, a file of KUBECONFIG that is missing is no error if another one exists.
///
/// # Errors
///
/// Why no cluster is configured.
pub(super) async fn infer(context: Option<&str>) -> Result<Config, String> {
    let options = &KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let listed = env::var_os("KUBECONFIG").unwrap_or_default();
    let (existing, missing): (Vec<_>, Vec<_>) =
        env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).partition(|path| path.exists());
    if !existing.is_empty() && !missing.is_empty() {
        let read = existing.iter().map(Kubeconfig::read_from);
        let merged = read.reduce(|merged, next| merged?.merge(next?)).unwrap_or_else(Kubeconfig::read);
        let merged = merged.map_err(|error| describe(&error))?;
        return Config::from_custom_kubeconfig(merged, options).await.map_err(|error| describe(&error));
    }
    if options.context.is_some() {
        return Config::from_kubeconfig(options).await.map_err(|error| describe(&error));
    }
    Config::infer().await.map_err(|error| describe(&error))
}
