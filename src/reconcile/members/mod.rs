//! The members of an app: polls them over HTTP, requests rebalances, terminates hung members.
//!
//! Only members are polled. The state of the cluster is known from the watches.

pub mod assignment;
pub mod client;
pub mod hung;
pub mod monitor;
pub mod poll;
pub mod poll_state;
pub mod rebalance;
pub mod snapshot;
pub mod terminate;
