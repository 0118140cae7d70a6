//! Kaspr operator.
pub mod api;
pub mod build;
pub mod crds;
pub mod defaults;
pub mod settings;
pub mod validate;
