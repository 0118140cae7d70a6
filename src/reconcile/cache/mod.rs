//! The watch caches: what the operator knows of the cluster without asking the API server.

pub(super) mod index;
pub(super) mod install_state;
mod last_words;
pub(super) mod object;
pub(super) mod pod;
mod pod_problem;
pub(super) mod store;
pub(super) mod watch;
