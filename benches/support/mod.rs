//! Shared code of the benchmarks.

pub(crate) mod process;
pub(crate) mod times;

use std::{fs, io, path::Path};

use control_plane::{ControlPlane, Operator};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::Value;

/// Starts `kaspr-operator run --local` on the control plane. Returns the operator and the URL of its webhooks.
pub(crate) fn start(plane: &ControlPlane) -> io::Result<(Operator, String)> {
    let log = plane.log_dir().join("kaspr-operator.log");
    let binary = Path::new(env!("CARGO_BIN_EXE_kaspr-operator"));
    let mut operator = Operator::start(binary, plane.kubeconfig(), &log, &["--local"])?;
    let url = operator.ready()?;
    Ok((operator, url))
}

/// Creates a client of the control plane.
pub(crate) async fn client(plane: &ControlPlane) -> io::Result<Client> {
    let kubeconfig = Kubeconfig::read_from(plane.kubeconfig()).map_err(io::Error::other)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.map_err(io::Error::other)?).map_err(io::Error::other)
}

/// Returns the KasprApp of tests/golden/full.
pub(crate) fn recorded() -> io::Result<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/full/manifest.yaml");
    let text = fs::read_to_string(path)?;
    text.split("\n---\n")
        .filter_map(|document| serde_saphyr::from_str::<Value>(document).ok())
        .find(|object| object["kind"] == "KasprApp")
        .ok_or_else(|| io::Error::other("no KasprApp"))
}
