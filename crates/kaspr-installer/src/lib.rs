//! The installer of Python packages, which runs in the pods of Kaspr apps.
//!
//! The modules of the type model have the same paths here as in the operator's crate, whose documentation has
//! a table of all modules of the workspace.

pub mod installer;

use kaspr_api::{api, install_contract, settings, sync};
