//! Constructors of environment variables.

use k8s_openapi::api::core::v1::{
    ConfigMapKeySelector, EnvVar, EnvVarSource, ObjectFieldSelector, SecretKeySelector,
};

/// A variable with a literal value.
pub(super) fn literal(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.into()), ..EnvVar::default() }
}

/// A variable with the value of a Secret's key.
pub(super) fn from_secret(name: &str, secret: &str, key: &str) -> EnvVar {
    let selector =
        SecretKeySelector { key: key.to_owned(), name: secret.to_owned(), ..SecretKeySelector::default() };
    from(name, EnvVarSource { secret_key_ref: Some(selector), ..EnvVarSource::default() })
}

/// A variable with the value of the same key of a ConfigMap.
pub(super) fn from_config_map(name: &str, config_map: &str) -> EnvVar {
    let selector = ConfigMapKeySelector {
        key: name.to_owned(),
        name: config_map.to_owned(),
        ..ConfigMapKeySelector::default()
    };
    from(name, EnvVarSource { config_map_key_ref: Some(selector), ..EnvVarSource::default() })
}

/// A variable with the value of a field of the pod.
pub(super) fn from_field(name: &str, path: &str) -> EnvVar {
    let selector = ObjectFieldSelector { api_version: Some("v1".to_owned()), field_path: path.to_owned() };
    from(name, EnvVarSource { field_ref: Some(selector), ..EnvVarSource::default() })
}

fn from(name: &str, source: EnvVarSource) -> EnvVar {
    EnvVar { name: name.to_owned(), value_from: Some(source), ..EnvVar::default() }
}

/// Appends the user's variables to the operator's. Server-side apply rejects a list with two variables
/// of one name, so a variable of the user replaces the operator's.
pub(super) fn with_user_variables(mut variables: Vec<EnvVar>, user: Option<&[EnvVar]>) -> Vec<EnvVar> {
    let user = user.unwrap_or_default();
    variables.retain(|variable| user.iter().all(|user| user.name != variable.name));
    variables.extend(user.iter().cloned());
    variables
}
