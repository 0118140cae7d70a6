//! JSON Schema and findings of test files, for editors.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::{file::TestFile, files::parse};
use crate::cli::validate::{Finding, Input};

/// Returns the JSON Schema of test files, in the draft of the other schemas.
#[must_use]
pub(in crate::cli) fn test_file_schema() -> Value {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<TestFile>();
    let mut schema = schema.to_value();
    schema["title"] = "Kaspr test file".into();
    schema
}

/// Returns the reason why a test file is not valid.
#[must_use]
pub(in crate::cli) fn test_file_finding(input: &Input) -> Option<Finding> {
    parse(input).err().map(|finding| *finding)
}
