use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Visitor},
};
use serde_json::Number;

/// A value of a map that Kafka or the framework reads as text. Manifests also write numbers and booleans there,
/// such as `retention.ms: 604800000`.
///
/// Keeps what the manifest has, because a value that admission rewrites differs from the manifest permanently.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum TextValue {
    /// Text, unchanged.
    Text(String),
    /// A number.
    Number(Number),
    /// A boolean.
    Boolean(bool),
}

/// A map whose values end as text.
pub type TextMap = BTreeMap<String, TextValue>;

/// Returns a map as Kafka and HTTP read it: numbers in digits, booleans as `true` and `false`.
#[must_use]
pub fn texts(map: &TextMap) -> BTreeMap<&str, String> {
    map.iter().map(|(key, value)| (key.as_str(), value.to_string())).collect()
}

impl fmt::Display for TextValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Boolean(boolean) => boolean.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for TextValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = TextValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number or a boolean")
    }

    fn visit_bool<E>(self, value: bool) -> Result<TextValue, E> {
        Ok(TextValue::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<TextValue, E> {
        Ok(TextValue::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<TextValue, E> {
        Ok(TextValue::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<TextValue, E> {
        Number::from_f64(value).map(TextValue::Number).ok_or_else(|| E::custom("must be a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<TextValue, E> {
        Ok(TextValue::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<TextValue, E> {
        Ok(TextValue::Text(value))
    }
}

/// Structural schemas have no type for text, numbers and booleans together, so the schema leaves the type open.
impl JsonSchema for TextValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TextValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_are_kept_and_end_as_text() {
        let map = json!({ "a": "x", "b": 604_800_000_i64, "c": true, "d": 0.5, "e": -1 });
        let parsed: TextMap = serde_json::from_value(map.clone()).expect("scalars");
        assert_eq!(json!(parsed), map);
        assert_eq!(
            json!(texts(&parsed)),
            json!({ "a": "x", "b": "604800000", "c": "true", "d": "0.5", "e": "-1" })
        );
    }

    #[test]
    fn other_values_are_errors() {
        for value in [json!(null), json!([]), json!({})] {
            let error = serde_json::from_value::<TextValue>(value).expect_err("no scalar").to_string();
            assert!(error.ends_with("expected a string, a number or a boolean"), "{error}");
        }
    }
}
