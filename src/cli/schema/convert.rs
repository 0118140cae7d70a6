//! From a schema of the API server to JSON Schema.

use serde_json::{Map, Value, json};

/// Prefix of the keywords that only the API server understands.
const EXTENSION: &str = "x-kubernetes-";

/// Converts an OpenAPI schema of a CRD to JSON Schema: objects reject unknown fields, `nullable` becomes the type
/// `null`, and keywords that only the API server understands are omitted.
#[must_use]
pub(super) fn to_json_schema(open_api: &Value) -> Value {
    let Value::Object(keywords) = open_api else { return open_api.clone() };
    let is_set = |name: &str| keywords.get(name) == Some(&Value::Bool(true));
    let mut schema: Map<String, Value> = keywords
        .iter()
        .filter(|(name, _)| !name.starts_with(EXTENSION) && !matches!(name.as_str(), "nullable" | "format"))
        .map(|(name, value)| (name.clone(), convert_keyword(name, value)))
        .collect();
    if is_set("x-kubernetes-int-or-string") {
        schema.insert("type".to_owned(), json!(["integer", "string"]));
    }
    let open = is_set("x-kubernetes-preserve-unknown-fields");
    if schema.contains_key("properties") && !open && !schema.contains_key("additionalProperties") {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
    if is_set("nullable") {
        allow_null(&mut schema);
    }
    Value::Object(schema)
}

/// Converts the schemas in the value of a keyword.
fn convert_keyword(name: &str, value: &Value) -> Value {
    match (name, value) {
        ("properties", Value::Object(fields)) => {
            fields.iter().map(|(name, schema)| (name.clone(), to_json_schema(schema))).collect()
        }
        ("items" | "additionalProperties" | "not", schema) => to_json_schema(schema),
        ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => schemas.iter().map(to_json_schema).collect(),
        _ => value.clone(),
    }
}

fn allow_null(schema: &mut Map<String, Value>) {
    let null = || Value::from("null");
    match schema.get_mut("type") {
        Some(Value::Array(types)) => types.push(null()),
        Some(one) => *one = Value::Array(vec![one.take(), null()]),
        None => {}
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_of_the_api_server_are_converted() {
        let open_api = json!({
            "type": "object",
            "required": ["type"],
            "x-kubernetes-validations": [{"rule": "true"}],
            "properties": {
                // A field may have the name of a keyword.
                "type": {"type": "string", "enum": ["a"], "nullable": true},
                "nullable": {"type": "integer", "format": "int32", "minimum": 1.0},
                "size": {"x-kubernetes-int-or-string": true, "nullable": true},
                "map": {"type": "object", "additionalProperties": {"x-kubernetes-preserve-unknown-fields": true}},
                "open": {"type": "object", "properties": {}, "x-kubernetes-preserve-unknown-fields": true},
                "list": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "string"}}}},
            },
        });
        let wanted = json!({
            "type": "object",
            "required": ["type"],
            "additionalProperties": false,
            "properties": {
                "type": {"type": ["string", "null"], "enum": ["a", null]},
                "nullable": {"type": "integer", "minimum": 1.0},
                "size": {"type": ["integer", "string", "null"]},
                "map": {"type": "object", "additionalProperties": {}},
                "open": {"type": "object", "properties": {}},
                "list": {"type": "array", "items": {
                    "type": "object", "properties": {"x": {"type": "string"}}, "additionalProperties": false,
                }},
            },
        });
        assert_eq!(to_json_schema(&open_api), wanted);
    }
}
