//! The traits of values with rules, and the proof that a resource is valid.

use std::ops::Deref;

use super::{
    app_context::AppContext,
    findings::{FieldError, Findings, Warning},
    path::Path,
};

/// A value with validation rules. A parent validates its children at their paths.
pub trait Validate {
    /// Adds errors and warnings of the value, which is at path `at`.
    fn validate(&self, at: &Path, found: &mut Findings);
}

/// A resource: a value with additional rules about changes and about the other resources of its app.
pub trait ValidateUpdate: Validate {
    /// Adds errors that only a new resource may have: one that runs must not stop for them.
    fn validate_create(&self, _found: &mut Findings) {}

    /// Adds errors about changes from `old` that are not allowed, given what is known about the app.
    fn validate_update(&self, _old: &Self, _context: Option<&AppContext>, _found: &mut Findings) {}

    /// Adds the resource to the context of its app, if other resources can depend on it.
    fn register(&self, _context: &mut AppContext) {}

    /// Adds errors and warnings about conflicts with the other resources of the app. The context may
    /// contain the resource itself.
    fn validate_in_app(&self, context: &AppContext, found: &mut Findings);
}

/// A resource that is valid, or whose errors its caller accepts. Only [`Valid::check`] and
/// [`Valid::check_accepting`] create one.
#[derive(Clone, Debug)]
pub struct Valid<T> {
    resource: T,
    accepted: Vec<FieldError>,
}

impl<T: Validate> Valid<T> {
    /// Validates a resource. Returns the valid resource and its warnings.
    ///
    /// # Errors
    ///
    /// Returns the findings if the resource is not valid.
    pub fn check(resource: T) -> Result<(Self, Vec<Warning>), Findings> {
        Self::check_accepting(resource, |_| false)
    }

    /// Validates a resource that runs. `accepts` returns whether an error is accepted: what ran with it must
    /// not stop because a rule is new.
    ///
    /// # Errors
    ///
    /// Returns the findings if the resource has an error that is not accepted.
    pub fn check_accepting(
        resource: T,
        accepts: impl Fn(&FieldError) -> bool,
    ) -> Result<(Self, Vec<Warning>), Findings> {
        let mut found = Findings::default();
        resource.validate(&Path::root(), &mut found);
        let (accepted, errors): (Vec<_>, Vec<_>) = found.errors.into_iter().partition(accepts);
        if errors.is_empty() {
            Ok((Self { resource, accepted }, found.warnings))
        } else {
            Err(Findings { errors, warnings: found.warnings })
        }
    }

    /// Returns the errors that were accepted.
    #[must_use]
    pub fn accepted(&self) -> &[FieldError] {
        &self.accepted
    }
}

impl<T> Deref for Valid<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.resource
    }
}
