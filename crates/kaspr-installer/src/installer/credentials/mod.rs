//! Credentials: expanded as late as possible, passed in private files, and removed from all output.

pub(super) mod git;
pub(super) mod netrc;
pub(super) mod private_file;
pub(super) mod secrets;
