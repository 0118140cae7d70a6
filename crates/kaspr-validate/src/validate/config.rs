//! Rules of `spec.config`.

use serde_json::Value;

use super::{
    findings::{Findings, Problem},
    path::Path,
    rule, shared,
    valid::Validate,
};
use crate::api::{
    AppConfig,
    config_keys::{CONFIG_KEYS, ConfigKey, ConfigKind},
};

/// Serializers of the framework.
const SERIALIZERS: &[&str] = &["raw", "json", "pickle", "binary"];

impl Validate for AppConfig {
    fn validate(&self, at: &Path, found: &mut Findings) {
        for (name, value) in &self.0 {
            match ConfigKey::named(name) {
                None => report_unknown(name, at, found),
                Some(_) if value.is_null() => {}
                Some(key) => match find_type_error(key, value) {
                    Some(detail) => {
                        found.invalid(rule::CONFIG_VALUE, at.child(name.clone()), value.clone(), detail)
                    }
                    None => check_value(name, value, at, found),
                },
            }
        }
    }
}

/// Reports an unknown setting, because the framework ignores it silently.
fn report_unknown(name: &str, at: &Path, found: &mut Findings) {
    let detail = match shared::nearest(name, CONFIG_KEYS.iter().map(|key| key.name)) {
        Some(near) => format!("is not a setting: did you mean '{near}'?"),
        None => "is not a setting of the framework".to_owned(),
    };
    found.add(
        rule::CONFIG_KEY,
        at.child(name.to_owned()),
        Problem::NotSupported { value: name.to_owned(), detail },
    );
}

/// Returns what is wrong with the type of a setting's value. Numbers and booleans may be quoted, as the
/// Python operator accepts them.
fn find_type_error(key: &ConfigKey, value: &Value) -> Option<&'static str> {
    let text = shared::to_text(value);
    let scalar = value.is_string() || value.is_number() || value.is_boolean();
    match key.kind {
        ConfigKind::Boolean => {
            (!matches!(text.to_lowercase().as_str(), "true" | "false")).then_some("must be true or false")
        }
        ConfigKind::Integer => {
            (value.is_boolean() || text.parse::<i64>().is_err()).then_some("must be a whole number")
        }
        ConfigKind::Float => (value.is_boolean() || !text.parse::<f64>().is_ok_and(f64::is_finite))
            .then_some("must be a number"),
        ConfigKind::Text => (!scalar).then_some("must be text"),
    }
}

/// Checks the range or form of a setting's value.
fn check_value(name: &str, value: &Value, at: &Path, found: &mut Findings) {
    let text = shared::to_text(value);
    let at = at.child(name.to_owned());
    if matches!(name, "keySerializer" | "valueSerializer") {
        if !SERIALIZERS.contains(&text.as_str()) {
            found.not_supported(rule::CONFIG_VALUE, at, &text, SERIALIZERS);
        }
        return;
    }
    let number = text.parse::<f64>().ok();
    let (is_valid, detail) = match name {
        "webPort" => (text.parse::<u16>().is_ok_and(|port| port > 0), "must be a port from 1 to 65535"),
        "webBasePath" | "webMetricsBasePath" => {
            (text.is_empty() || text.starts_with('/'), "must start with '/'")
        }
        "tableDir" => (text.starts_with('/') && !text.contains(':'), "must be an absolute path without ':'"),
        "topicPartitions" | "topicReplicationFactor" | "schedulerTopicPartitions" => {
            (!number.is_some_and(|n| n < 1.0), "must be 1 or more")
        }
        _ => (!number.is_some_and(|n| n < 0.0), "must be 0 or more"),
    };
    if !is_valid {
        found.invalid(rule::CONFIG_VALUE, at, value.clone(), detail);
    }
}
