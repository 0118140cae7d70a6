//! Validation: what is rejected and what is warned about. The room is pure: no client, no clock, no
//! environment.
//!
//! Every rule adds to the findings and continues, so that a user sees all errors at once. Each kind has
//! a file with its rules; `shared` has rules of several kinds, `rule` lists all rules with their ids, and
//! `cross_resource` validates the resources of one app together.

mod agent;
mod app;
mod app_context;
mod cluster_facts;
mod codes;
mod config;
mod cron;
mod cross_resource;
mod findings;
mod immutable;
mod join;
mod loops;
mod modules;
mod mounts;
mod object_refs;
mod package_names;
mod packages;
mod path;
mod processors;
mod python;
mod regex;
mod requirement;
mod review;
pub mod rule;
mod sends;
mod shared;
mod similar;
mod table;
mod task;
mod template;
mod topic;
mod valid;
mod variables;
mod webview;

pub use app_context::{AppContext, AppContextProvider, channel_of, tables_of};
pub use cluster_facts::{Claim, Claims, Objects};
pub use codes::{CodeField, HasCode};
pub use findings::{FieldError, Findings, Line, Problem, Warning};
pub use path::{Path, Segment};
pub use python::{entrypoint_of, entrypoint_to_render, has_frame};
pub use review::review;
pub use shared::quantity;
pub use similar::nearest;
pub use valid::{Valid, Validate, ValidateUpdate};

#[cfg(test)]
mod tests;
