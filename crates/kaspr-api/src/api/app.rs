use std::{borrow::Cow, collections::BTreeMap};

use k8s_openapi::api::core::v1::ResourceRequirements;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AppStatus, PythonPackages, Rollout, Storage, Template, ca_secret::CaSecret, cel, config_keys};

/// A cluster of members that run the same stream processors.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "kaspr.io",
    version = "v1alpha1",
    kind = "KasprApp",
    plural = "kasprapps",
    shortname = "kapps",
    shortname = "kapp",
    category = "kaspr",
    namespaced,
    status = "AppStatus",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    doc = "A cluster of members that run the same stream processors: the agents, tables, tasks, webviews and joins whose label `kaspr.io/app` names it.",
    printcolumn = r#"{"name": "Version", "type": "string", "jsonPath": ".status.kasprVersion"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Members", "type": "string", "jsonPath": ".status.availableMembers"}"#,
    printcolumn = r#"{"name": "Rebalancing", "type": "string", "jsonPath": ".status.rebalancingMembers"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason", "priority": 1}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "Status", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct KasprAppSpec {
    /// Version of the Kaspr framework. Default: {VERSION} for a new app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Maximum number of members. Set to 0 to stop the app; its data is kept. Default: {REPLICAS}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub replicas: Option<i32>,
    /// Image of the members, in place of the published image of `version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Kafka brokers: comma-separated `host:port` pairs.
    #[x_kube(validation = cel::not_empty("must name at least one broker as host:port"))]
    pub bootstrap_servers: String,
    /// Encrypt the connections to Kafka. An empty object is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Authentication of the members to Kafka. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// Settings of the framework, such as `topicPartitions` or `webPort`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<AppConfig>,
    /// CPU and memory requests and limits of a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Liveness probe of the member container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness_probe: Option<Probe>,
    /// Readiness probe of the member container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness_probe: Option<Probe>,
    /// Whether the operator adds probes of the status path that the spec does not configure: a readiness probe, and a
    /// liveness probe that restarts a member that does not answer for a minute. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_probes: Option<bool>,
    /// Storage of the members' tables. Default: ephemeral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// How a change of the pods is rolled out: one member first, and the others once it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Python packages to install for the members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python_packages: Option<PythonPackages>,
    /// Labels, annotations and pod settings of the objects that the operator creates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
}

/// Encrypted connections to Kafka, verified with the certificate authorities of the image.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Certificate authorities of the brokers' certificates, in addition to those of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret: Option<CaSecret>,
    /// Client certificate of the members, for images that present one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_secret: Option<CertificateSecret>,
}

/// A certificate and its private key in a Secret of the app's namespace.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateSecret {
    /// Name of the Secret.
    pub secret_name: String,
    /// Key of the Secret with the certificate chain in PEM. Default: `{CERTIFICATE_KEY}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_key: Option<String>,
    /// Key of the Secret with the private key in PEM. Default: `{PRIVATE_KEY_KEY}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key_key: Option<String>,
}

/// Authentication of the members to Kafka.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::username_of_login("must name the user"))]
#[x_kube(validation = cel::password_of_login("must name the Secret that holds the password"))]
pub struct Authentication {
    /// SASL mechanism.
    pub r#type: AuthenticationType,
    /// User name. Required, unless `type` is `plain` and there is no password: then members do not log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Secret with the password. Required with a user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret: Option<PasswordSecret>,
}

/// SASL mechanism.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum AuthenticationType {
    /// SCRAM with SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// SCRAM with SHA-512.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
    /// The password in clear text: use it with `tls` only.
    #[serde(rename = "plain")]
    Plain,
}

/// A key of a Secret in the app's namespace.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::needs_text("secretName", "must name a Secret in the app's namespace"))]
#[x_kube(validation = cel::needs_text("passwordKey", "must name a key of the Secret"))]
pub struct PasswordSecret {
    /// Name of the Secret. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// Key of the Secret. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_key: Option<String>,
}

/// Timing of a probe.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// Consecutive failures after which the probe fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub failure_threshold: Option<i32>,
    /// Seconds between the start of the container and the first probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub initial_delay_seconds: Option<i32>,
    /// Seconds between two probes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub period_seconds: Option<i32>,
    /// Consecutive successes after which the probe passes. Must be 1 for liveness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub success_threshold: Option<i32>,
    /// Seconds after which the probe times out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub timeout_seconds: Option<i32>,
}

/// Settings of the framework, by their camel-case names.
///
/// The only open block of the API. `config_keys` lists the known names and their types, so that a rule can
/// suggest the nearest known name for a mistyped one.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct AppConfig(pub BTreeMap<String, Value>);

impl AppConfig {
    /// Returns the value of a setting, in any spelling that members read as the same variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let spelled = || self.0.iter().find(|(key, _)| config_keys::is_same_setting(key, name));
        let value = self.0.get(name).or_else(|| spelled().map(|(_, value)| value));
        value.filter(|value| !value.is_null())
    }
}

impl JsonSchema for AppConfig {
    fn schema_name() -> Cow<'static, str> {
        "AppConfig".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
        })
    }
}
