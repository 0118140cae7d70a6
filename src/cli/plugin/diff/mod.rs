//! `diff`: shows what the operator would change if files were applied.
//!
//! All results come from the API server, in dry runs: the resources with the defaults of the webhooks, and
//! the objects that the operator would apply. The plan in between is the same that the operator follows.

mod command;
mod compare;
mod dry_run;
mod impact;
mod live;
mod text;

pub(super) use command::{DiffArgs, diff};
