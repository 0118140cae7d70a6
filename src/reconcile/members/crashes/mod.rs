//! Agents that crash at run time.
//!
//! An exception in an agent loses the message; the supervisor of the framework restarts the agent, and neither the pod
//! nor the member's status shows it. The member's log does, and its metrics hint at it.

mod backlog;
pub(crate) mod blame;
pub(crate) mod ledger;
pub(crate) mod log;
pub(crate) mod look;
mod read;
pub(crate) mod redact;
mod schedule;
