//! Credentials: expanded as late as possible, passed in private files, and removed from all output.

pub mod git;
pub mod netrc;
pub mod private_file;
pub mod secrets;
