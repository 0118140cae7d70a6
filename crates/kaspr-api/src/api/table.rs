use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Code, ComponentStatus, TextMap, cel};

/// A key-value table of an app, kept by the members and backed by a Kafka changelog topic.
///
/// It belongs to the KasprApp that its label `kaspr.io/app` names.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "kaspr.io",
    version = "v1alpha1",
    kind = "KasprTable",
    plural = "kasprtables",
    shortname = "ktables",
    shortname = "ktable",
    category = "kaspr",
    namespaced,
    status = "ComponentStatus",
    doc = "A key-value table of a KasprApp, which its label `kaspr.io/app` names: kept by the members and backed by a Kafka changelog topic.",
    printcolumn = r#"{"name": "App", "type": "string", "jsonPath": ".metadata.labels.kaspr\\.io/app"}"#,
    printcolumn = r#"{"name": "Table", "type": "string", "jsonPath": ".spec.name"}"#,
    printcolumn = r#"{"name": "Partitions", "type": "integer", "jsonPath": ".spec.partitions"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason", "priority": 1}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct KasprTableSpec {
    /// Has no effect: the app calls the table by its `metadata.name`.
    pub name: String,
    /// Description of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Keep the whole table on every member. Default: {GLOBAL_TABLE}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global: Option<bool>,
    /// Called without arguments; returns the class of a missing value, such as `int`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_selector: Option<Code>,
    /// Serializer of keys. Default: the app's `config.keySerializer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_serializer: Option<TableSerializer>,
    /// Serializer of values. Default: the app's `config.valueSerializer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_serializer: Option<TableSerializer>,
    /// Partitions of the changelog topic; must equal those of the topics whose agents use the
    /// table, unless it is global. Default: the app's `config.topicPartitions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = cel::at_least_one())]
    pub partitions: Option<i32>,
    /// Additional Kafka settings of the changelog topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_topic_configs: Option<TextMap>,
    /// Additional settings of the table's store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<TextMap>,
    /// Keep values by time window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// How a table's keys or values are serialized.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TableSerializer {
    /// Bytes, unchanged.
    Raw,
    /// JSON text.
    Json,
}

/// A time window: tumbling or hopping.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::either("tumbling", "hopping"))]
#[x_kube(validation = cel::not_both("tumbling", "hopping"))]
#[x_kube(validation = cel::needs_when("relativeTo", "custom", "relativeToSelector", "must be given when relativeTo is 'custom'"))]
pub struct Window {
    /// Windows that follow each other. Exactly one of `tumbling` and `hopping` must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tumbling: Option<TumblingWindow>,
    /// Windows that overlap. Exactly one of `tumbling` and `hopping` must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hopping: Option<HoppingWindow>,
    /// The clock that assigns a value to its window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_to: Option<RelativeTo>,
    /// Reads the time from the value; required when `relativeTo` is `custom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_to_selector: Option<Code>,
}

/// Windows that follow each other.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TumblingWindow {
    /// Length of a window in whole seconds, as a string: `"300"`. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// How long a window is kept: digits and one of s, m, h, d, such as `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// Windows that overlap.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HoppingWindow {
    /// Length of a window in whole seconds, as a string: `"300"`. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Time between the starts of two windows in whole seconds, as a string: `"60"`. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// How long a window is kept: digits and one of s, m, h, d, such as `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// The clock that assigns a value to its window.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RelativeTo {
    /// The time of the message.
    Stream,
    /// The time of the member.
    Now,
    /// A time that `relativeToSelector` reads from the value.
    Custom,
}
