//! The environment of the members, in the Python operator's order: another order would restart them.

use k8s_openapi::api::core::v1::{ConfigMap, EnvVar};
use kube::ResourceExt;
use serde_json::Value;

use super::{
    BuildInputs,
    components::hash_of_all,
    env_var::{from_config_map, from_field, from_secret, literal, with_user_variables},
    settings_snapshot,
    spec_view::is_annotated,
    tls,
};
use crate::{
    api::{
        AuthenticationType, KasprApp,
        annotations::DISABLE_STATIC_MEMBERSHIP,
        config_keys::{self, CONFIG_KEYS, ConfigKey, ConfigKind},
        defaults,
        member_variables::PYTHONPATH,
    },
    install_contract, naming, pod_layout,
};

/// Variable that turns off the framework's web server.
const WEB_ENABLED: &str = "K_WEB_ENABLED";

/// Returns the port of the members' web server.
#[must_use]
pub fn web_port(app: &KasprApp) -> i32 {
    config(app, "webPort").and_then(|port| port.parse().ok()).unwrap_or(defaults::WEB_PORT)
}

/// Returns whether members run the framework's web server.
#[must_use]
pub fn serves_web(app: &KasprApp) -> bool {
    let is_off = |value: &str| ["false", "0", "no", "off"].contains(&value.to_ascii_lowercase().as_str());
    let container = app.spec.template.as_ref().and_then(|template| template.kaspr_container.as_ref());
    let user = container.and_then(|container| container.env.as_ref()).into_iter().flatten();
    let mut of_user = user.filter(|variable| variable.name == WEB_ENABLED);
    let given = free_settings(app).any(|(name, value)| name == WEB_ENABLED && is_off(&value));
    !given && !of_user.any(|variable| variable.value.as_deref().is_some_and(is_off))
}

/// Returns the path of a member's status.
#[must_use]
pub fn status_path(app: &KasprApp) -> String {
    web_path(app, "/status/")
}

/// Returns the path of a member's metrics, below the base path of `config.webMetricsBasePath`.
#[must_use]
pub fn metrics_path(app: &KasprApp) -> String {
    below(&config(app, "webMetricsBasePath").unwrap_or_default(), "/metrics")
}

/// Returns a path of the framework's web server, below the base path of `config.webBasePath`.
#[must_use]
pub fn web_path(app: &KasprApp, path: &str) -> String {
    below(&config(app, "webBasePath").unwrap_or_default(), path)
}

fn below(base: &str, path: &str) -> String {
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
    settings.extend(free_settings(app));
    let login = app.spec.login();
    let protocol = match (login.is_some(), app.spec.tls.is_some()) {
        (true, true) => "SASL_SSL",
        (true, false) => "SASL_PLAINTEXT",
        (false, true) => "SSL",
        (false, false) => "PLAINTEXT",
    };
    let mechanism = login.map(|login| match login.r#type {
        AuthenticationType::ScramSha256 => "SCRAM-SHA-256",
        AuthenticationType::ScramSha512 => "SCRAM-SHA-512",
        AuthenticationType::Plain => "PLAIN",
    });
    let username = login.and_then(|login| login.username.clone());
    let own = [
        ("K_APP_NAME", Some(naming::app(&app.name_any()))),
        ("K_KAFKA_BOOTSTRAP_SERVERS", Some(app.spec.bootstrap_servers.clone())),
        ("K_KAFKA_SECURITY_PROTOCOL", Some(protocol.to_owned())),
        ("K_KAFKA_SASL_MECHANISM", mechanism.map(str::to_owned)),
        ("K_KAFKA_AUTH_USERNAME", username),
        ("K_WEB_PORT", Some(web_port(app).to_string())),
        ("K_DATA_DIR", Some(naming::DATA_DIR.to_owned())),
        ("K_TABLE_DIR", Some(pod_layout::table_dir(app))),
        ("K_DEFINITIONS_DIR", Some(naming::DEFINITIONS_DIR.to_owned())),
    ];
    for (name, value) in own.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        match settings.iter_mut().find(|(key, _)| key == name) {
            Some(setting) => setting.1 = value,
            None => settings.push((name.to_owned(), value)),
        }
    }
    settings
}

/// Returns the settings of `spec.config` that have no key of their own in the API. The framework reads more
/// settings than the API names, so they are passed on, as the Python operator does.
fn free_settings(app: &KasprApp) -> impl Iterator<Item = (String, String)> {
    let config = app.spec.config.iter().flat_map(|config| &config.0);
    let free = config.filter(|(name, value)| ConfigKey::named(name).is_none() && !value.is_null());
    free.map(|(name, value)| {
        let text = match value {
            Value::Bool(true) => "True".to_owned(),
            Value::Bool(false) => "False".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (config_keys::variable(name), text)
    })
}

/// Returns the environment of a member. A variable of the user replaces the operator's.
#[must_use]
pub fn variables(inputs: BuildInputs<'_>, config_map: &ConfigMap) -> Vec<EnvVar> {
    let app = &**inputs.app;
    // A pod that restarts must read the settings that it read before.
    let config_map_name = settings_snapshot::snapshot_name(app, config_map);
    let mut variables: Vec<EnvVar> =
        settings(app).iter().map(|(key, _)| from_config_map(key, &config_map_name)).collect();
    variables.extend(identity(app, &inputs.settings.cluster_domain));
    variables.extend(hashes(inputs, config_map));
    let template = app.spec.template.as_ref().and_then(|template| template.kaspr_container.as_ref());
    let mut variables =
        with_user_variables(variables, template.and_then(|container| container.env.as_deref()));
    if app.spec.python_packages.is_some() {
        variables.iter_mut().filter(|variable| variable.name == PYTHONPATH).for_each(add_packages_dir);
    }
    variables
}

/// Puts the directory of the packages in front of a PYTHONPATH of the user that lacks it.
fn add_packages_dir(variable: &mut EnvVar) {
    if let Some(path) = &mut variable.value
        && path.split(':').all(|part| part.trim_end_matches('/') != naming::PACKAGES_DIR)
    {
        let separator = if path.is_empty() { "" } else { ":" };
        path.insert_str(0, &format!("{}{separator}", naming::PACKAGES_DIR));
    }
}

fn identity(app: &KasprApp, domain: &str) -> Vec<EnvVar> {
    let mut variables = Vec::new();
    if let Some(secret) = app.spec.login().and_then(|login| login.password_secret.as_ref()) {
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
        variables.push(literal(PYTHONPATH, naming::PACKAGES_DIR));
    }
    variables.push(from_field(install_contract::POD_NAME, "metadata.name"));
    let service = naming::app(&app.name_any());
    let namespace = app.namespace().unwrap_or_default();
    variables.push(literal("K_WEB_HOST", format!("$(POD_NAME).{service}.{namespace}.svc.{domain}")));
    variables
}

/// Members read their definitions and settings only at start; these variables restart them on a change.
fn hashes(inputs: BuildInputs<'_>, config_map: &ConfigMap) -> Vec<EnvVar> {
    let components = inputs.components;
    [
        ("CONFIG_HASH", Some(settings_snapshot::hash_of(config_map))),
        ("AGENTS_HASH", hash_of_all(&components.agents)),
        ("WEBVIEWS_HASH", hash_of_all(&components.webviews)),
        ("TABLES_HASH", hash_of_all(&components.tables)),
        ("TASKS_HASH", hash_of_all(&components.tasks)),
        ("JOINS_HASH", hash_of_all(&components.joins)),
        (install_contract::PACKAGES_HASH, inputs.packages_hash()),
    ]
    .into_iter()
    .filter_map(|(name, hash)| Some(literal(name, hash?)))
    .collect()
}

/// Returns a setting of `spec.config`, as the framework reads it.
fn config(app: &KasprApp, name: &str) -> Option<String> {
    let value = app.spec.config.as_ref()?.get(name)?;
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
