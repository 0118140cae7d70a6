//! Rules of `spec.config`.

use serde_json::Value;

use super::{
    findings::{Findings, Problem},
    path::Path,
    rule, shared, similar,
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
                None => warn_unknown(name, at, found),
                Some(_) if value.is_null() => {}
                Some(key) => match find_type_error(key, value) {
                    Some(detail) => {
                        found.invalid(rule::CONFIG_VALUE, at.child(name.clone()), value.clone(), detail)
                    }
                    None => check_value(key.name, value, at.child(name.clone()), found),
                },
            }
        }
    }
}

/// Warns about an unknown setting. The framework has settings that the operator does not know, so members
/// receive it anyway, as with the Python operator.
fn warn_unknown(name: &str, at: &Path, found: &mut Findings) {
    let detail = match similar::nearest(name, CONFIG_KEYS.iter().map(|key| key.name)) {
        Some(near) => format!("is not a known setting: did you mean '{near}'?"),
        None => "is not a known setting: members receive it as a variable".to_owned(),
    };
    found.warn(rule::CONFIG_KEY_UNKNOWN, at.child(name.to_owned()), detail);
}

/// Adds an error for each key that is a known setting in another spelling. Only new apps are checked: a
/// running app must not stop for a key that it always had.
pub(super) fn check_spelling(config: &AppConfig, at: &Path, found: &mut Findings) {
    for name in config.0.keys().filter(|name| ConfigKey::named(name).is_none()) {
        if let Some(key) = CONFIG_KEYS.iter().find(|key| is_spelling_of(name, key.name)) {
            let detail = format!("is not a setting: use '{}'", key.name);
            let problem = Problem::NotSupported { value: name.clone(), detail };
            found.add(rule::CONFIG_KEY, at.child(name.clone()), problem);
        }
    }
}

/// Returns whether a key has the letters of a setting, in another case, with separators, as a variable, or in
/// the singular or plural.
fn is_spelling_of(name: &str, setting: &str) -> bool {
    let letters = |name: &str| {
        let name = name.strip_prefix("K_").unwrap_or(name).to_lowercase().replace(['_', '-', '.'], "");
        name.trim_end_matches('s').to_owned()
    };
    letters(name) == letters(setting)
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
fn check_value(name: &str, value: &Value, at: Path, found: &mut Findings) {
    let text = shared::to_text(value);
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
