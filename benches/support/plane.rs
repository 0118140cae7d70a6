//! The operator on a control plane, and a client.

use std::{io, path::Path};

use control_plane::{ControlPlane, Operator};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

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
