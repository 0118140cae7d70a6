//! A real Kubernetes control plane on a bare machine, for tests, the demo and benches.
//!
//! etcd, kube-apiserver, kube-controller-manager and kube-scheduler run as processes of the user;
//! kwok plays a node whose pods become Ready and a provisioner whose volumes are bound. No
//! container engine is needed, and no rights. Nothing is left running or lying about when the
//! process that started a control plane ends, however it ends.
//!
//! ```no_run
//! # fn main() -> Result<(), control_plane::Error> {
//! let plane = control_plane::ControlPlane::start()?;
//! let namespace = plane.new_namespace("example")?;
//! let pods = plane.kubectl().args(["-n", &namespace, "get", "pods"]).status();
//! # Ok(())
//! # }
//! ```

mod api;
mod audit;
mod authority;
mod binaries;
mod builder;
mod client_cert;
mod error;
mod fake_members;
mod fake_node;
mod go;
mod guardian;
mod kubeconfig;
mod npm;
mod operator;
mod pins;
mod pip;
mod plane;
mod ports;
mod processes;
mod recipes;
mod server;
mod tools;

pub use builder::Builder;
pub use error::Error;
pub use npm::from_npm;
pub use operator::Operator;
pub use pip::{from_pip, from_pip_with_dependencies};
pub use plane::ControlPlane;
pub use tools::{
    argocd_lua, cert_manager_crds, fake_gcs, flux, helm, kstatus, kubeconform, prometheus, promtool,
    s3_gateway,
};
