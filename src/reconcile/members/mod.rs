//! The members of an app: polls them over HTTP, requests rebalances, terminates hung members.
//!
//! Only members are polled. The state of the cluster is known from the watches.

pub(super) mod answering;
pub(super) mod assignment;
pub(super) mod client;
pub(super) mod hung;
pub(super) mod monitor;
pub(super) mod poll;
pub(super) mod poll_state;
pub(super) mod rebalance;
mod rebalance_request;
pub(super) mod snapshot;
pub(super) mod terminate;
