//! Changes of the pods: one member first, the others once it works, and back to the last revision that worked if they do
//! not.
//!
//! [`decide`] and [`changes`] are pure; [`engine`] reads revisions and edits the StatefulSet before it is applied.

pub(super) mod changes;
mod decide;
pub(super) mod engine;
pub(super) mod garbage;
pub(super) mod holds;
mod members;
pub(super) mod outcome;
mod policy;
pub(super) mod revisions;
pub(super) mod state;
pub(super) mod write;
