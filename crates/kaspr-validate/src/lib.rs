//! The rules of validation of the Kaspr operator.
//!
//! The modules of the type model have the same paths here as in the operator's crate, whose documentation has
//! a table of all modules of the workspace.

pub mod validate;

#[cfg(test)]
use kaspr_api::defaults;
use kaspr_api::{api, install_contract, naming, pod_layout};
