//! Programs that work with a control plane and are no part of it. They are found or built the way its
//! own parts are.

use std::path::PathBuf;

use crate::binaries;
use crate::error::Error;
use crate::go;
use crate::pins::Binary;

/// Where helm is.
///
/// # Errors
/// If it can't be found or built.
pub fn helm() -> Result<PathBuf, Error> {
    binaries::provide(Binary::Helm)
}

/// Where prometheus is: a server that finds its targets in files only.
///
/// # Errors
/// If it can't be found or built.
pub fn prometheus() -> Result<PathBuf, Error> {
    binaries::provide(Binary::Prometheus)
}

/// Where promtool is, which checks rules and runs tests of them.
///
/// # Errors
/// If it can't be found or built.
pub fn promtool() -> Result<PathBuf, Error> {
    binaries::provide(Binary::Promtool)
}

/// Where kubeconform is, which compares manifests with schemas.
///
/// # Errors
/// If it can't be found or built.
pub fn kubeconform() -> Result<PathBuf, Error> {
    binaries::provide(Binary::Kubeconform)
}

/// Where fake-gcs-server is, which plays Google Cloud Storage.
///
/// # Errors
/// If it can't be found or built.
pub fn fake_gcs() -> Result<PathBuf, Error> {
    binaries::provide(Binary::Gcs)
}

/// Where versitygw is, which speaks S3 over a folder.
///
/// # Errors
/// If it can't be found or built.
pub fn s3_gateway() -> Result<PathBuf, Error> {
    binaries::provide(Binary::S3)
}

/// Where kstatus is: it reads objects in JSON and computes their status with the library that Flux waits with.
///
/// # Errors
/// If it can't be found or built.
pub fn kstatus() -> Result<PathBuf, Error> {
    binaries::provide(Binary::Kstatus)
}

/// Where flux is: it decodes manifests strictly with Flux's own types, and writes them in JSON.
///
/// # Errors
/// If it can't be found or built.
pub fn flux() -> Result<PathBuf, Error> {
    binaries::provide(Binary::Flux)
}

/// Where argocd-lua is: it runs a health check of Argo CD, a file, for objects in JSON.
///
/// # Errors
/// If it can't be found or built.
pub fn argocd_lua() -> Result<PathBuf, Error> {
    binaries::provide(Binary::ArgocdLua)
}

/// The folder with cert-manager's own CRDs, a file for each kind. They are needed before
/// [`ControlPlane::run_cert_manager`](crate::ControlPlane::run_cert_manager).
///
/// # Errors
/// If the sources can't be found or fetched.
pub fn cert_manager_crds() -> Result<PathBuf, Error> {
    Ok(go::sources(Binary::CertManager)?.join("deploy/crds"))
}
