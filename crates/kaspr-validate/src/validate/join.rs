//! Rules of joins.

use super::{
    app_context::AppContext,
    codes, cross_resource,
    findings::Findings,
    path::Path,
    python::{self, Call, Init, Role},
    rule, shared,
    valid::{Validate, ValidateUpdate},
};
use crate::api::KasprJoin;

impl Validate for KasprJoin {
    fn validate(&self, at: &Path, found: &mut Findings) {
        shared::component_metadata(&self.metadata, "-join", &at.child("metadata"), found);
        let at = at.child("spec");
        codes::check_size(self, found);
        shared::spec_name(&self.metadata, self.spec.name.as_deref(), &at, found);
        for (field, table) in [("leftTable", &self.spec.left_table), ("rightTable", &self.spec.right_table)] {
            if table.is_empty() {
                found.required(
                    rule::REQUIRED,
                    at.child(field),
                    "must be the name of a KasprTable of the same app",
                );
            }
        }
        let (extractor, at) = (Some(&self.spec.extractor), at.child("extractor"));
        python::check(extractor, &at, (&Init::default(), Role::Selector), Some(&Call::value()), found);
    }
}

impl ValidateUpdate for KasprJoin {
    fn register(&self, context: &mut AppContext) {
        context.add_join(self);
    }

    fn validate_in_app(&self, context: &AppContext, found: &mut Findings) {
        cross_resource::validate_join(self, context, found);
    }
}
