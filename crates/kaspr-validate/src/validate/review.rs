//! Validation of a new or changed resource.

use super::{app_context::AppContext, findings::Findings, path::Path, valid::ValidateUpdate};

/// Validates a new or changed resource. `context` has the other resources of its app, if they are known.
///
/// An error that the old resource already had, with the same value at the same path, becomes a warning:
/// an object that was accepted before a rule existed can still be edited. Kubernetes calls this
/// validation ratcheting.
#[must_use]
pub fn review<T: ValidateUpdate>(new: &T, old: Option<&T>, context: Option<&AppContext>) -> Findings {
    let Some(old) = old else {
        let mut found = Findings::default();
        new.validate_create(&mut found);
        add_all(new, context, &mut found);
        return found;
    };
    let mut found = validate_all(new, context);
    found.ratchet(&validate_all(old, context));
    new.validate_update(old, context, &mut found);
    found
}

fn validate_all<T: ValidateUpdate>(resource: &T, context: Option<&AppContext>) -> Findings {
    let mut found = Findings::default();
    add_all(resource, context, &mut found);
    found
}

fn add_all<T: ValidateUpdate>(resource: &T, context: Option<&AppContext>, found: &mut Findings) {
    resource.validate(&Path::root(), found);
    if let Some(context) = context {
        resource.validate_in_app(context, found);
    }
}
