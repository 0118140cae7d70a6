//! The traits of values with rules, and the proof that a resource is valid.

use std::ops::Deref;

use super::{
    app_context::AppContext,
    findings::{Findings, Warning},
    path::Path,
};

/// A value with validation rules. A parent validates its children at their paths.
pub trait Validate {
    /// Adds errors and warnings of the value, which is at path `at`.
    fn validate(&self, at: &Path, found: &mut Findings);
}

/// A resource: a value with additional rules about changes and about the other resources of its app.
pub trait ValidateUpdate: Validate {
    /// Adds errors about changes from `old` that are not allowed.
    fn validate_update(&self, _old: &Self, _found: &mut Findings) {}

    /// Adds the resource to the context of its app, if other resources can depend on it.
    fn register(&self, _context: &mut AppContext) {}

    /// Adds errors and warnings about conflicts with the other resources of the app. The context may
    /// contain the resource itself.
    fn validate_in_app(&self, context: &AppContext, found: &mut Findings);
}

/// A resource that is valid. Only [`Valid::check`] creates one.
#[derive(Clone, Debug)]
pub struct Valid<T>(T);

impl<T: Validate> Valid<T> {
    /// Validates a resource. Returns the valid resource and its warnings.
    ///
    /// # Errors
    ///
    /// Returns the findings if the resource is not valid.
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
