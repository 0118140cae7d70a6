//! The members of an app: polls them over HTTP, requests rebalances, terminates hung members,
//! and finds agents that crash.
//!
//! Only members are polled, and their logs are read. The state of the cluster is known from the watches.

pub(super) mod answering;
pub(super) mod assignment;
pub(super) mod client;
pub(super) mod crashes;
pub(super) mod hung;
pub(super) mod monitor;
pub(super) mod poll;
pub(super) mod poll_state;
pub(super) mod rebalance;
mod rebalance_request;
pub(super) mod snapshot;
pub(super) mod terminate;
