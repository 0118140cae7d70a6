//! What is refused and what is warned about. Pure: no client, no clock, no environment.
//!
//! Every rule adds to the findings and goes on, so that a user sees all mistakes at once. Each
//! kind has a file with its rules; `shared` holds those that several kinds have, `rule` lists all by
//! their ids, and `across` judges resources of one app against each other.

mod agent;
mod app;
mod app_context;
mod config;
mod cross_resource;
mod findings;
mod immutable;
mod join;
mod mounts;
mod object_refs;
mod packages;
mod processors;
mod python;
mod requirement;
pub mod rule;
mod shared;
mod table;
mod task;
mod template;
mod topic;
mod variables;
mod webview;

pub use app_context::{AppContext, AppContextProvider, Objects, channel_of, tables_of};
pub use findings::{FieldError, Findings, Line, Path, Problem, Segment, Warning};
pub use python::{entrypoint_of, entrypoint_to_render};
pub use shared::{nearest, quantity};

use std::ops::Deref;

/// Anything that a user writes and that has rules of its own. A parent calls its children with
/// their paths.
pub trait Validate {
    /// Adds what is wrong with the value at the path.
    fn validate(&self, at: &Path, found: &mut Findings);
}

/// A resource: a value with rules that may also look at what it was before, and at the other
/// resources of its app.
pub trait ValidateUpdate: Validate {
    /// Adds what must not have changed since `old`.
    fn validate_update(&self, _old: &Self, _found: &mut Findings) {}

    /// Makes itself known to the others of its app, if they can depend on it.
    fn register(&self, _around: &mut AppContext) {}

    /// Adds what does not fit the resources context it, of which it may be one itself.
    fn validate_in_app(&self, context: &AppContext, found: &mut Findings);
}

/// A resource that was checked; nothing else can make one.
#[derive(Clone, Debug)]
pub struct Valid<T>(T);

impl<T: Validate> Valid<T> {
    /// Checks the resource, and gives it back with the warnings or else what is wrong with it.
    pub fn check(resource: T) -> Result<(Self, Vec<Warning>), Findings> {
        let mut found = Findings::default();
        resource.validate(&Path::root(), &mut found);
        if found.errors.is_empty() { Ok((Self(resource), found.warnings)) } else { Err(found) }
    }
}

impl<T> Deref for Valid<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Findings on a new or changed resource; `context` is what is known of the other resources of its
/// app, if anything.
///
/// A mistake that the old one already had, the same value at the same path, is a warning: an object
/// that was accepted before a rule existed can still be edited.
pub fn review<T: ValidateUpdate>(new: &T, old: Option<&T>, context: Option<&AppContext>) -> Findings {
    let mut found = all(new, context);
    if let Some(old) = old {
        found.ratchet(&all(old, context));
        new.validate_update(old, &mut found);
    }
    found
}

fn all<T: ValidateUpdate>(resource: &T, context: Option<&AppContext>) -> Findings {
    let mut found = Findings::default();
    resource.validate(&Path::root(), &mut found);
    if let Some(context) = context {
        resource.validate_in_app(context, &mut found);
    }
    found
}

#[cfg(test)]
mod tests;
