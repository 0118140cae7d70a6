//! The watch caches: what the operator knows of the cluster without asking the API server.

pub mod index;
pub mod object;
pub mod pod;
pub mod store;
pub mod watch;
