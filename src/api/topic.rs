use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Code, cel};

/// How keys or values are turned into bytes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Serializer {
    /// Bytes as they are.
    Raw,
    /// JSON text.
    Json,
    /// Python pickle: only between members that trust each other.
    Pickle,
    /// Base64 of bytes.
    Binary,
}

/// A Kafka topic that an agent reads.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::either_text("name", "pattern", true))]
#[x_kube(validation = cel::not_both_texts("name", "pattern", true))]
pub struct InputTopic {
    /// Name of the topic. Exactly one of `name` and `pattern` must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Regular expression over topic names. Exactly one of `name` and `pattern` must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// How keys are read. Default: the app's `config.keySerializer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_serializer: Option<Serializer>,
    /// How values are read. Default: the app's `config.valueSerializer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_serializer: Option<Serializer>,
    /// Number of partitions of a declared topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = cel::at_least_one())]
    pub partitions: Option<i32>,
    /// Seconds that a declared topic keeps messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<i64>,
    /// Whether a declared topic is compacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compacting: Option<bool>,
    /// Whether a declared topic deletes old messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleting: Option<bool>,
    /// Replication factor of a declared topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = cel::at_least_one())]
    pub replicas: Option<i32>,
    /// Further Kafka settings of a declared topic, such as `min.insync.replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<BTreeMap<String, String>>,
}

/// A Kafka topic that results are sent to.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::either_text("name", "nameSelector", false))]
#[x_kube(validation = cel::not_both_texts("name", "nameSelector", false))]
pub struct TopicOut {
    /// Name of the topic. Exactly one of `name` and `nameSelector` must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Chooses the topic by the value. Exactly one of `name` and `nameSelector` must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_selector: Option<Code>,
    /// Create the topic when the app starts. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declare: Option<bool>,
    /// Wait until the broker has acknowledged each message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack: Option<bool>,
    /// Hand the value on to the next operation after it was sent. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_through: Option<bool>,
    /// How keys are written. Default: the app's `config.keySerializer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_serializer: Option<Serializer>,
    /// How values are written. Default: the app's `config.valueSerializer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_serializer: Option<Serializer>,
    /// Number of partitions of a declared topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = cel::at_least_one())]
    pub partitions: Option<i32>,
    /// Seconds that a declared topic keeps messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<i64>,
    /// Whether a declared topic is compacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compacting: Option<bool>,
    /// Whether a declared topic deletes old messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleting: Option<bool>,
    /// Replication factor of a declared topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = cel::at_least_one())]
    pub replicas: Option<i32>,
    /// Further Kafka settings of a declared topic, such as `cleanup.policy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<BTreeMap<String, String>>,
    /// Makes the key from the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_selector: Option<Code>,
    /// Makes what is sent from the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_selector: Option<Code>,
    /// Chooses the partition by the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_selector: Option<Code>,
    /// Makes the headers from the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers_selector: Option<Code>,
    /// Sends only the values for which it returns true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<Code>,
}
