//! Fields of schemas, by their paths.

use std::{collections::BTreeMap, path::Path, sync::LazyLock};

use serde_json::{Value, json};

use super::cursor::Step;
use crate::{
    api::{GROUP, Kind, VERSION},
    cli::{
        schema::{KindSchema, kind_schemas},
        test::test_file_schema,
        validate::is_test_file,
    },
};

/// The schemas of documents.
struct Schemas {
    kinds: BTreeMap<&'static str, Value>,
    test: Value,
    /// A manifest without a kind.
    any: Value,
}

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| {
    let kinds = kind_schemas().into_iter().map(|KindSchema { kind, schema, .. }| (kind.name(), schema));
    Schemas {
        kinds: kinds.collect(),
        test: test_file_schema(),
        any: json!({ "properties": {
            "apiVersion": { "description": "Group and version of the kind.", "enum": [format!("{GROUP}/{VERSION}")] },
            "kind": { "description": "Kind of the resource.", "enum": Kind::ALL.map(Kind::name) },
        }}),
    }
});

/// A field in a schema.
#[derive(Clone, Copy)]
pub(super) struct SchemaField {
    root: &'static Value,
    schema: &'static Value,
}

/// Returns the schema of a document. `None` for manifests of other kinds.
#[must_use]
pub(super) fn schema_of(path: &Path, kind: Option<&str>) -> Option<SchemaField> {
    let root = if is_test_file(path) {
        &SCHEMAS.test
    } else {
        match kind.filter(|kind| !kind.is_empty()) {
            Some(kind) => SCHEMAS.kinds.get(kind)?,
            None => &SCHEMAS.any,
        }
    };
    Some(SchemaField { root, schema: root })
}

impl SchemaField {
    /// Returns the field at a path.
    #[must_use]
    pub(super) fn at(self, path: &[Step]) -> Option<Self> {
        path.iter().try_fold(self, Self::child)
    }

    fn child(self, step: &Step) -> Option<Self> {
        self.alternatives().into_iter().find_map(|schema| {
            let child = match step {
                Step::Item => schema.get("items"),
                Step::Field(name) => {
                    let named = schema.get("properties").and_then(|fields| fields.get(name));
                    named.or_else(|| schema.get("additionalProperties"))
                }
            };
            Some(Self { root: self.root, schema: child.filter(|child| child.is_object())? })
        })
    }

    /// Returns the schemas that a value may fit: references and alternatives are resolved.
    fn alternatives(self) -> Vec<&'static Value> {
        let mut found = vec![self.schema];
        let mut next = 0;
        while let Some(schema) = found.get(next).copied() {
            next += 1;
            let reference = schema["$ref"].as_str().and_then(|to| self.root.pointer(to.strip_prefix('#')?));
            let lists = ["allOf", "anyOf", "oneOf"].map(|name| schema[name].as_array());
            for other in reference.into_iter().chain(lists.into_iter().flatten().flatten()) {
                // A type may contain itself.
                if !found.iter().any(|known| std::ptr::eq(*known, other)) {
                    found.push(other);
                }
            }
        }
        found
    }

    /// Returns the fields of a block by name, with whether each is required.
    #[must_use]
    pub(super) fn fields(self) -> Vec<(&'static str, Self, bool)> {
        let mut fields = Vec::new();
        for block in self.alternatives() {
            let required = block["required"].as_array();
            for (name, schema) in block["properties"].as_object().into_iter().flatten() {
                let is_required = required.is_some_and(|names| names.iter().any(|it| it == name));
                fields.push((name.as_str(), Self { root: self.root, schema }, is_required));
            }
        }
        fields
    }

    /// Returns the values that the schema names.
    #[must_use]
    pub(super) fn values(self) -> Vec<String> {
        let mut values = Vec::new();
        for schema in self.alternatives() {
            values.extend(schema["enum"].as_array().into_iter().flatten());
            values.extend(schema.get("const"));
        }
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut values: Vec<String> = values.into_iter().filter(|value| !value.is_null()).map(text).collect();
        if self.has_type("boolean") {
            values.extend(["true", "false"].map(str::to_owned));
        }
        values
    }

    /// Returns whether a value may be of a type.
    #[must_use]
    pub(super) fn has_type(self, name: &str) -> bool {
        self.alternatives().into_iter().any(|schema| match &schema["type"] {
            Value::Array(types) => types.iter().any(|of| of == name),
            one => one == name,
        })
    }

    /// Returns the documentation.
    #[must_use]
    pub(super) fn description(self) -> Option<&'static str> {
        self.alternatives().into_iter().find_map(|schema| schema["description"].as_str())
    }
}
