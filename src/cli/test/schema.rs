//! JSON Schema of test files, for editors.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::file::TestFile;

/// Returns the JSON Schema of test files, in the draft of the other schemas.
#[must_use]
pub(in crate::cli) fn test_file_schema() -> Value {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<TestFile>();
    let mut schema = schema.to_value();
    schema["title"] = "Kaspr test file".into();
    schema
}
