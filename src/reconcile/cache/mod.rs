//! The watch caches: what the operator knows of the cluster without asking the API server.

pub(super) mod index;
pub(super) mod object;
pub(super) mod pod;
pub(super) mod store;
pub(super) mod watch;
