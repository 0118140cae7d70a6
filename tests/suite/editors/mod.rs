//! Where people write manifests: schemas in editors and in kubeconform, hooks of pre-commit, the action
//! for GitHub, and the page about them.

mod action;
mod client;
mod hooks;
mod lsp;
mod schemas;

use std::path::{Path, PathBuf};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
