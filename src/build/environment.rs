//! What the members find in their environment, in the published operator's order: another order
//! would restart them.

use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapKeySelector, EnvVar, EnvVarSource, ObjectFieldSelector, SecretKeySelector,
};
use kube::ResourceExt;
use serde_json::Value;

use super::{Linked, annotated, hash, linked::hash_of_all, names, tls};
use crate::api::{
    AuthenticationType, KasprApp,
    config_keys::{CONFIG_KEYS, ConfigKey, ConfigKind},
};

/// The annotation that leaves members without a fixed identity in their consumer group.
pub const NO_STATIC_MEMBERSHIP: &str = "kaspr.io/disable-static-group-membership";

/// The members' web port.
pub fn web_port(app: &KasprApp) -> i32 {
    config(app, "webPort").and_then(|port| port.parse().ok()).unwrap_or(names::WEB_PORT)
}

/// Where a member tells of its state.
pub fn status_path(app: &KasprApp) -> String {
    web_path(app, "/status/")
}

/// A path of the framework's web server, below the base path of `config.webBasePath`.
pub fn web_path(app: &KasprApp, path: &str) -> String {
    let base = config(app, "webBasePath").unwrap_or_default();
    match base.trim_matches('/') {
        "" => path.to_owned(),
        base => format!("/{base}{path}"),
    }
}

/// Where the members keep their tables.
pub fn table_dir(app: &KasprApp) -> String {
    config(app, "tableDir").unwrap_or_else(|| names::TABLE_DIR.to_owned())
}

/// The framework's settings: first those of `spec.config`, then the operator's own.
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
        ("K_APP_NAME", names::app(&app.name_any())),
        ("K_KAFKA_BOOTSTRAP_SERVERS", app.spec.bootstrap_servers.clone()),
        ("K_KAFKA_SECURITY_PROTOCOL", protocol.to_owned()),
        ("K_KAFKA_SASL_MECHANISM", mechanism.to_owned()),
        ("K_KAFKA_AUTH_USERNAME", authentication.username.clone().unwrap_or_default()),
        ("K_WEB_PORT", web_port(app).to_string()),
        ("K_DATA_DIR", names::DATA_DIR.to_owned()),
        ("K_TABLE_DIR", table_dir(app)),
        ("K_DEFINITIONS_DIR", names::DEFINITIONS_DIR.to_owned()),
    ];
    for (name, value) in own {
        match settings.iter_mut().find(|(key, _)| key == name) {
            Some(setting) => setting.1 = value,
            None => settings.push((name.to_owned(), value)),
        }
    }
    settings
}

/// The environment of a member. A variable of the user's takes the place of the operator's.
pub fn variables(app: &KasprApp, linked: &Linked, config_map: &ConfigMap) -> Vec<EnvVar> {
    let mut variables: Vec<EnvVar> = settings(app)
        .into_iter()
        .map(|(key, _)| {
            from(
                &key.clone(),
                EnvVarSource {
                    config_map_key_ref: Some(ConfigMapKeySelector {
                        key,
                        name: names::config_map(&app.name_any()),
                        ..ConfigMapKeySelector::default()
                    }),
                    ..EnvVarSource::default()
                },
            )
        })
        .collect();
    variables.extend(identity(app));
    variables.extend(hashes(app, linked, config_map));
    let template = app.spec.template.as_ref().and_then(|template| template.kaspr_container.as_ref());
    with_users(variables, template.and_then(|container| container.env.as_deref()))
}

/// Puts the user's variables behind the operator's. A name that stands twice is no valid list for
/// server-side apply, so the user's takes the operator's place.
pub fn with_users(mut variables: Vec<EnvVar>, users: Option<&[EnvVar]>) -> Vec<EnvVar> {
    let users = users.unwrap_or_default();
    variables.retain(|variable| users.iter().all(|user| user.name != variable.name));
    variables.extend(users.iter().cloned());
    variables
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
    if !annotated(app, NO_STATIC_MEMBERSHIP) {
        variables.push(from_field("K_CONSUMER_GROUP_INSTANCE_ID", "metadata.name"));
    }
    if app.spec.python_packages.is_some() {
        variables.push(plain("PYTHONPATH", names::PACKAGES_DIR.to_owned()));
    }
    variables.push(from_field("POD_NAME", "metadata.name"));
    let service = names::app(&app.name_any());
    let namespace = app.namespace().unwrap_or_default();
    variables.push(plain("K_WEB_HOST", format!("$(POD_NAME).{service}.{namespace}.svc.cluster.local")));
    variables
}

/// Members read their definitions and settings at start only; these restart them on a change.
fn hashes(app: &KasprApp, linked: &Linked, config_map: &ConfigMap) -> Vec<EnvVar> {
    let settings = serde_json::to_value(&config_map.data).unwrap_or_default();
    let packages = app.spec.python_packages.as_ref().map(hash::of_packages);
    [
        ("CONFIG_HASH", Some(hash::of_json(&settings))),
        ("AGENTS_HASH", hash_of_all(&linked.agents)),
        ("WEBVIEWS_HASH", hash_of_all(&linked.webviews)),
        ("TABLES_HASH", hash_of_all(&linked.tables)),
        ("TASKS_HASH", hash_of_all(&linked.tasks)),
        ("JOINS_HASH", hash_of_all(&linked.joins)),
        ("PACKAGES_HASH", packages),
    ]
    .into_iter()
    .filter_map(|(name, hash)| Some(plain(name, hash?)))
    .collect()
}

/// A setting of `spec.config`, as the framework reads it.
fn config(app: &KasprApp, name: &str) -> Option<String> {
    let value = app.spec.config.as_ref()?.0.get(name).filter(|value| !value.is_null())?;
    Some(as_python(ConfigKey::named(name)?, value))
}

/// A value as Python prints it: `True`, `12`, `0.5`.
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

/// A variable with a value.
pub fn plain(name: &str, value: String) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value), ..EnvVar::default() }
}

/// A variable from a Secret.
pub fn from_secret(name: &str, secret: &str, key: &str) -> EnvVar {
    from(
        name,
        EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                key: key.to_owned(),
                name: secret.to_owned(),
                ..SecretKeySelector::default()
            }),
            ..EnvVarSource::default()
        },
    )
}

/// A variable from a field of the pod.
pub fn from_field(name: &str, path: &str) -> EnvVar {
    from(
        name,
        EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".to_owned()),
                field_path: path.to_owned(),
            }),
            ..EnvVarSource::default()
        },
    )
}

fn from(name: &str, source: EnvVarSource) -> EnvVar {
    EnvVar { name: name.to_owned(), value_from: Some(source), ..EnvVar::default() }
}
