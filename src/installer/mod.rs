//! What runs in a member's pod before the member: installs the app's Python packages once for the
//! whole cluster and links the member to them.
//!
//! A **set** is a folder with installed packages, named by what was asked for and by the Python it
//! is for. It is made in a staging folder, compiled, and published by one rename; it never changes
//! after that, so running members keep what they import from. A store, if there is one, keeps sets
//! as archives.

mod archive;
mod collect;
mod command;
mod compile;
mod credentials;
mod deadline;
mod failure;
mod folder;
mod index;
mod installed;
mod lease;
mod netrc;
mod private_file;
mod python;
mod repository;
mod request;
mod run;
mod set;
mod steps;
mod store;
mod termination;

pub use run::run;
