//! The programs that the installer runs: the image's Python, pip and uv, and the metadata that they
//! leave.

pub(super) mod bytecode;
mod commands;
pub(super) mod dist_info;
pub(super) mod image_settings;
pub(super) mod install_spec;
pub(super) mod pip;
pub(super) mod python;
pub(super) mod requested;
pub(super) mod site_hook;
pub(super) mod subprocess;
