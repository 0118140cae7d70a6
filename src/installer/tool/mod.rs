//! The programs that the installer runs: the image's Python, pip and uv, and the metadata that they
//! leave.

pub mod bytecode;
pub mod dist_info;
pub mod pip;
pub mod python;
pub mod subprocess;
