//! The package installer. It runs as an init container before the member: it installs the app's Python
//! packages once for the whole cluster and links the member to them.
//!
//! A **package set** is a directory with installed packages. Its name consists of the hash of the request
//! and of the Python that the set is for. A set is created in a staging directory, compiled, and
//! published by one rename. A published set never changes, so running members can keep importing from
//! it. A store, if one is configured, keeps sets as archives.
//!
//! [`run`] reads top-down: [`request`] collects what to install, [`ensure`] finds, fetches or installs the
//! set, [`volume`] links the member to it, [`gc`] removes old sets, [`termination`] reports.

mod archive;
mod credentials;
mod deadline;
mod ensure;
mod error;
mod gc;
mod lease;
mod log;
mod package_set;
mod request;
mod run;
mod store;
mod termination;
mod tool;
mod trust;
mod volume;

pub use run::run;
