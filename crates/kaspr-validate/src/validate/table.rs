//! Rules of tables.

use super::{
    app_context::AppContext,
    codes, cross_resource,
    findings::Findings,
    path::Path,
    python::{self, Call, Init, Role},
    rule, shared, topic,
    valid::{Validate, ValidateUpdate},
};
use crate::api::{KasprTable, RelativeTo, Window};

impl Validate for KasprTable {
    fn validate(&self, at: &Path, found: &mut Findings) {
        shared::component_metadata(&self.metadata, "-table", &at.child("metadata"), found);
        let at = at.child("spec");
        codes::check_size(self, found);
        shared::spec_name(&self.metadata, Some(&self.spec.name), &at, found);
        if let Some(partitions) = self.spec.partitions.filter(|partitions| *partitions < 1) {
            found.invalid(rule::NUMBER, at.child("partitions"), partitions, "must be 1 or more");
        }
        let (selector, at_selector) = (self.spec.default_selector.as_ref(), at.child("defaultSelector"));
        python::check(
            selector,
            &at_selector,
            (&Init::default(), Role::DefaultSelector),
            Some(&Call::empty()),
            found,
        );
        if let Some(window) = &self.spec.window {
            window.validate(&at.child("window"), found);
        }
    }
}

impl ValidateUpdate for KasprTable {
    fn register(&self, context: &mut AppContext) {
        context.add_table(self);
    }

    fn validate_in_app(&self, context: &AppContext, found: &mut Findings) {
        cross_resource::validate_table(self, context, found);
    }
}

impl Validate for Window {
    fn validate(&self, at: &Path, found: &mut Findings) {
        found.warn(
            rule::NO_EFFECT,
            at.clone(),
            "has no effect: the framework does not implement windows of tables",
        );
        topic::exactly_one(
            at,
            ("tumbling", self.tumbling.is_some()),
            ("hopping", self.hopping.is_some()),
            found,
        );
        if let Some(tumbling) = &self.tumbling {
            let at = at.child("tumbling");
            check_seconds(tumbling.size.as_deref(), at.child("size"), found);
            check_expires(tumbling.expires.as_deref(), at.child("expires"), found);
        }
        if let Some(hopping) = &self.hopping {
            let at = at.child("hopping");
            check_seconds(hopping.size.as_deref(), at.child("size"), found);
            check_seconds(hopping.step.as_deref(), at.child("step"), found);
            check_expires(hopping.expires.as_deref(), at.child("expires"), found);
        }
        let selector = at.child("relativeToSelector");
        let code = self.relative_to_selector.as_ref();
        python::check(code, &selector, (&Init::default(), Role::Selector), Some(&Call::value()), found);
        if self.relative_to == Some(RelativeTo::Custom) && self.relative_to_selector.is_none() {
            found.required(rule::REQUIRED, selector, "must be given when relativeTo is 'custom'");
        }
    }
}

/// Checks a size in whole seconds, which the API of the Python operator defines as a string.
fn check_seconds(text: Option<&str>, at: Path, found: &mut Findings) {
    match text {
        None => found.required(rule::WINDOW_SIZE, at, "must be whole seconds, as a string such as '300'"),
        Some(text) if !text.parse::<u32>().is_ok_and(|seconds| seconds > 0) => {
            found.invalid(
                rule::WINDOW_SIZE,
                at,
                text,
                "must be whole seconds of 1 or more, as a string such as '300'",
            );
        }
        Some(_) => {}
    }
}

fn check_expires(text: Option<&str>, at: Path, found: &mut Findings) {
    if let Some(text) = text.filter(|text| !shared::is_duration(text)) {
        found.invalid(rule::DURATION, at, text, shared::DURATION);
    }
}
