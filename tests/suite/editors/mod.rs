//! Where people write manifests: schemas in editors and in kubeconform, and the page about them.

mod client;
mod schemas;

use std::path::{Path, PathBuf};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
