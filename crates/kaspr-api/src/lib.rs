//! The type model of the Kaspr operator: the six kinds, default values, names, and settings.
//!
//! The documentation of the operator's crate has a table of all modules of the workspace.

pub mod api;
pub mod defaults;
pub mod error_chain;
pub mod install_contract;
pub mod naming;
pub mod pod_layout;
pub mod settings;
pub mod sync;
