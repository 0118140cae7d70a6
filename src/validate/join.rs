use super::{
    Findings, Path, Validate, ValidateUpdate,
    python::{self, Call, Init},
    rules,
};
use crate::api::KasprJoin;

impl Validate for KasprJoin {
    fn validate(&self, at: &Path, found: &mut Findings) {
        rules::component_metadata(&self.metadata, "-join", &at.child("metadata"), found);
        let at = at.child("spec");
        if let Some(name) = &self.spec.name {
            rules::component_name(name, &at, found);
        }
        for (field, table) in [("leftTable", &self.spec.left_table), ("rightTable", &self.spec.right_table)] {
            if table.is_empty() {
                found.required(at.child(field), "must be the spec.name of a KasprTable of the same app");
            }
        }
        let (extractor, at) = (Some(&self.spec.extractor), at.child("extractor"));
        python::check(extractor, &at, &Init::default(), Some(&Call::value()), found);
    }
}

impl ValidateUpdate for KasprJoin {}
