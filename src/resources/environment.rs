//! The environment of the members, in the Python operator's order: another order would restart them.

use k8s_openapi::api::core::v1::{ConfigMap, EnvVar};
use kube::ResourceExt;
use serde_json::Value;

use super::{
    AppComponents,
    components::hash_of_all,
    env_var::{from_config_map, from_field, from_secret, literal, with_user_variables},
    hash,
    spec_view::is_annotated,
    tls,
};
use crate::{
    api::{
        AuthenticationType, KasprApp,
        annotations::DISABLE_STATIC_MEMBERSHIP,
        config_keys::{CONFIG_KEYS, ConfigKey, ConfigKind},
        defaults,
    },
    install_contract, naming, pod_layout,
};

/// Returns the port of the members' web server.
#[must_use]
pub fn web_port(app: &KasprApp) -> i32 {
    config(app, "webPort").and_then(|port| port.parse().ok()).unwrap_or(defaults::WEB_PORT)
}

/// Returns the path of a member's status.
#[must_use]
pub fn status_path(app: &KasprApp) -> String {
    web_path(app, "/status/")
}

/// Returns a path of the framework's web server, below the base path of `config.webBasePath`.
#[must_use]
pub fn web_path(app: &KasprApp, path: &str) -> String {
    let base = config(app, "webBasePath").unwrap_or_default();
    match base.trim_matches('/') {
        "" => path.to_owned(),
        base => format!("/{base}{path}"),
    }
}

/// Returns the framework's settings: first those of `spec.config`, then the operator's own.
#[must_use]
pub fn settings(app: &KasprApp) -> Vec<(String, String)> {
    let mut settings: Vec<(String, String)> =
        CONFIG_KEYS.iter().filter_map(|key| Some((key.variable(), config(app, key.name)?))).collect();
    let authentication = &app.spec.authentication;
    let protocol = if app.spec.tls.is_some() { "SASL_SSL" } else { "SASL_PLAINTEXT" };
    let mechanism = match authentication.r#type {
        AuthenticationType::ScramSha256 => "SCRAM-SHA-256",
        AuthenticationType::ScramSha512 => "SCRAM-SHA-512",
        AuthenticationType::Plain => "PLAIN",
    };
    let own = [
        ("K_APP_NAME", naming::app(&app.name_any())),
        ("K_KAFKA_BOOTSTRAP_SERVERS", app.spec.bootstrap_servers.clone()),
        ("K_KAFKA_SECURITY_PROTOCOL", protocol.to_owned()),
        ("K_KAFKA_SASL_MECHANISM", mechanism.to_owned()),
        ("K_KAFKA_AUTH_USERNAME", authentication.username.clone().unwrap_or_default()),
        ("K_WEB_PORT", web_port(app).to_string()),
        ("K_DATA_DIR", naming::DATA_DIR.to_owned()),
        ("K_TABLE_DIR", pod_layout::table_dir(app)),
        ("K_DEFINITIONS_DIR", naming::DEFINITIONS_DIR.to_owned()),
    ];
    for (name, value) in own {
        match settings.iter_mut().find(|(key, _)| key == name) {
            Some(setting) => setting.1 = value,
            None => settings.push((name.to_owned(), value)),
        }
    }
    settings
}

/// Returns the environment of a member. A variable of the user replaces the operator's.
#[must_use]
pub fn variables(app: &KasprApp, components: &AppComponents, config_map: &ConfigMap) -> Vec<EnvVar> {
    let config_map_name = naming::config_map(&app.name_any());
    let mut variables: Vec<EnvVar> =
        settings(app).iter().map(|(key, _)| from_config_map(key, &config_map_name)).collect();
    variables.extend(identity(app));
    variables.extend(hashes(app, components, config_map));
    let template = app.spec.template.as_ref().and_then(|template| template.kaspr_container.as_ref());
    with_user_variables(variables, template.and_then(|container| container.env.as_deref()))
}

fn identity(app: &KasprApp) -> Vec<EnvVar> {
    let mut variables = Vec::new();
    if let Some(secret) = &app.spec.authentication.password_secret {
        let (name, key) = (secret.secret_name.as_deref(), secret.password_key.as_deref());
        variables.push(from_secret(
            "K_KAFKA_AUTH_PASSWORD",
            name.unwrap_or_default(),
            key.unwrap_or_default(),
        ));
    }
    variables.extend(tls::variables(app));
    if !is_annotated(app, DISABLE_STATIC_MEMBERSHIP) {
        variables.push(from_field("K_CONSUMER_GROUP_INSTANCE_ID", "metadata.name"));
    }
    if app.spec.python_packages.is_some() {
        variables.push(literal("PYTHONPATH", naming::PACKAGES_DIR));
    }
    variables.push(from_field(install_contract::POD_NAME, "metadata.name"));
    let service = naming::app(&app.name_any());
    let namespace = app.namespace().unwrap_or_default();
    variables.push(literal("K_WEB_HOST", format!("$(POD_NAME).{service}.{namespace}.svc.cluster.local")));
    variables
}

/// Members read their definitions and settings only at start; these variables restart them on a change.
fn hashes(app: &KasprApp, components: &AppComponents, config_map: &ConfigMap) -> Vec<EnvVar> {
    let settings = serde_json::to_value(&config_map.data).unwrap_or_default();
    let packages = app.spec.python_packages.as_ref().map(hash::of_packages);
    [
        ("CONFIG_HASH", Some(hash::of_json(&settings))),
        ("AGENTS_HASH", hash_of_all(&components.agents)),
        ("WEBVIEWS_HASH", hash_of_all(&components.webviews)),
        ("TABLES_HASH", hash_of_all(&components.tables)),
        ("TASKS_HASH", hash_of_all(&components.tasks)),
        ("JOINS_HASH", hash_of_all(&components.joins)),
        (install_contract::PACKAGES_HASH, packages),
    ]
    .into_iter()
    .filter_map(|(name, hash)| Some(literal(name, hash?)))
    .collect()
}

/// Returns a setting of `spec.config`, as the framework reads it.
fn config(app: &KasprApp, name: &str) -> Option<String> {
    let value = app.spec.config.as_ref()?.0.get(name).filter(|value| !value.is_null())?;
    Some(as_python(ConfigKey::named(name)?, value))
}

/// Formats a value as Python prints it: `True`, `12`, `0.5`.
fn as_python(key: &ConfigKey, value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match key.kind {
        ConfigKind::Boolean if text.eq_ignore_ascii_case("true") => "True".to_owned(),
        ConfigKind::Boolean => "False".to_owned(),
        ConfigKind::Float => text.parse::<f64>().map_or(text, |number| format!("{number:?}")),
        ConfigKind::Integer => text.parse::<i64>().map_or(text, |number| number.to_string()),
        ConfigKind::Text => text,
    }
}
