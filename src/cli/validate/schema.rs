//! Validation against the schemas of the CRDs, as the API server does it.

use std::{collections::BTreeMap, sync::LazyLock};

use jsonschema::{
    JsonType, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
    paths::LocationSegment,
};
use serde_json::{Value, json};

use crate::{
    api::Kind,
    crds,
    validate::{FieldError, Path, Problem, nearest, rule},
};

/// A schema that rejects unknown fields.
struct ClosedSchema {
    schema: Value,
    validator: Validator,
}

/// The schemas of the six kinds.
static SCHEMAS: LazyLock<BTreeMap<Kind, ClosedSchema>> = LazyLock::new(|| {
    let closed = crds::all().into_iter().filter_map(|crd| {
        let version = crd.spec.versions.into_iter().next()?;
        let mut schema = json!(version.schema?.open_api_v3_schema?);
        close(&mut schema);
        // The API server adds these to every schema.
        schema["properties"]["apiVersion"] = json!({ "type": "string" });
        schema["properties"]["kind"] = json!({ "type": "string" });
        schema["properties"]["metadata"] = json!({ "type": "object" });
        let validator = jsonschema::draft7::new(&schema).ok()?;
        Some((Kind::from_name(&crd.spec.names.kind)?, ClosedSchema { schema, validator }))
    });
    closed.collect()
});

/// Returns the violations of the schema of a kind.
#[must_use]
pub(super) fn check(kind: Kind, object: &Value) -> Vec<FieldError> {
    let Some(closed) = SCHEMAS.get(&kind) else { return Vec::new() };
    closed.validator.iter_errors(object).flat_map(|error| field_errors(&error, &closed.schema)).collect()
}

/// Removes null where the schema of a kind permits a value only, as the API server does.
pub(super) fn remove_nulls(kind: Kind, object: &mut Value) {
    if let Some(closed) = SCHEMAS.get(&kind) {
        remove_nulls_of(object, &closed.schema);
    }
}

fn remove_nulls_of(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(fields) => fields.retain(|name, value| {
            let named = schema["properties"].get(name);
            let Some(schema) = named.or_else(|| schema.get("additionalProperties")) else { return true };
            remove_nulls_of(value, schema);
            !value.is_null() || schema.get("nullable") == Some(&Value::Bool(true)) || !schema.is_object()
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| remove_nulls_of(item, &schema["items"])),
        _ => {}
    }
}

fn field_errors(error: &ValidationError<'_>, schema: &Value) -> Vec<FieldError> {
    let at = error.instance_path().into_iter().fold(Path::root(), |path, segment| match segment {
        LocationSegment::Index(index) => path.index(index),
        LocationSegment::Property(name) => path.child(name.into_owned()),
    });
    let field_error = |path, problem| FieldError { rule: rule::SCHEMA, path, problem, within: None };
    let value = error.instance();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = known_fields(error, schema);
            let unknown = |name: &String| {
                let near = nearest(name, known.iter().map(String::as_str));
                let detail = near.map_or(String::new(), |near| format!(": did you mean '{near}'?"));
                field_error(at.child(name.clone()), Problem::Forbidden(format!("unknown field{detail}")))
            };
            unexpected.iter().map(unknown).collect()
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default().to_owned();
            vec![field_error(at.child(name), Problem::Required("must be given".to_owned()))]
        }
        ValidationErrorKind::Enum { options } => {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let options: Vec<String> = options
                .as_array()
                .into_iter()
                .flatten()
                .filter(|v| !v.is_null())
                .map(Value::to_string)
                .collect();
            let detail = format!("supported values: {}", options.join(", "));
            vec![field_error(at, Problem::NotSupported { value, detail })]
        }
        kind => {
            // The content of a list or object has findings of its own, and may be long.
            let value = match &**value {
                Value::Array(_) => "array".into(),
                Value::Object(_) => "object".into(),
                scalar => scalar.clone(),
            };
            vec![field_error(at, Problem::Invalid { value, detail: describe_violation(kind) })]
        }
    }
}

/// Returns the known fields of the block with an unknown field.
fn known_fields(error: &ValidationError<'_>, schema: &Value) -> Vec<String> {
    let path = error.schema_path().as_str();
    let block = path.strip_suffix("/additionalProperties").and_then(|block| schema.pointer(block));
    let properties = block.and_then(|block| block["properties"].as_object());
    properties.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

fn describe_violation(kind: &ValidationErrorKind) -> String {
    match kind {
        ValidationErrorKind::Type { kind } => {
            let types: Vec<&str> = match kind {
                TypeKind::Single(single) => vec![single.as_str()],
                TypeKind::Multiple(set) => {
                    set.iter().map(JsonType::as_str).filter(|name| *name != "null").collect()
                }
            };
            format!("must be of type {}", types.join(" or "))
        }
        ValidationErrorKind::Minimum { limit } => format!("must be {limit} or more"),
        ValidationErrorKind::Maximum { limit } => format!("must be {limit} or less"),
        ValidationErrorKind::MinLength { limit } => format!("must have at least {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("must have at most {limit} characters"),
        ValidationErrorKind::MinItems { limit } => format!("must have at least {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("must have at most {limit} items"),
        ValidationErrorKind::Pattern { pattern } => format!("must match '{pattern}'"),
        ValidationErrorKind::AnyOf { .. } => "must be of type integer or string".to_owned(),
        other => format!("does not fit the schema ({})", other.keyword()),
    }
}

/// Converts an OpenAPI schema of the API server to JSON Schema: objects reject unknown fields, and
/// `nullable` becomes the type `null`.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(fields) => {
            let open = fields.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
            if fields.contains_key("properties") && !open && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
            if fields.get("nullable") == Some(&Value::Bool(true)) {
                if let Some(one) = fields.get("type").cloned() {
                    fields.insert("type".to_owned(), json!([one, "null"]));
                }
                if let Some(values) = fields.get_mut("enum").and_then(Value::as_array_mut) {
                    values.push(Value::Null);
                }
            }
            fields.values_mut().for_each(close);
        }
        _ => {}
    }
}
