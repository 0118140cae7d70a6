use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Code, TextMap, cel};

/// How keys or values are serialized.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Serializer {
    /// Bytes, unchanged.
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
    /// Deserializer of keys. Default: the app's `config.keySerializer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_serializer: Option<Serializer>,
    /// Deserializer of values. Default: the app's `config.valueSerializer`.
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
    /// Additional Kafka settings of a declared topic, such as `min.insync.replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<TextMap>,
}

impl InputTopic {
    /// Returns the names of the topics.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.name.iter().flat_map(|names| topic_names(names))
    }
}

/// Returns the names of the topics in the name of an input topic. Source: the framework splits it at commas.
pub fn topic_names(names: &str) -> impl Iterator<Item = &str> {
    names.split(',').map(str::trim).filter(|name| !name.is_empty())
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
    /// Returns the topic for a value. Exactly one of `name` and `nameSelector` must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_selector: Option<Code>,
    /// Create the topic when the app starts. Default: {DECLARE_OUTPUT}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declare: Option<bool>,
    /// Wait until the broker has acknowledged each message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack: Option<bool>,
    /// Pass the value on to the next operation after it was sent. Default: {PASS_THROUGH}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_through: Option<bool>,
    /// Serializer of keys. Default: the app's `config.keySerializer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_serializer: Option<Serializer>,
    /// Serializer of values. Default: the app's `config.valueSerializer`.
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
    /// Additional Kafka settings of a declared topic, such as `cleanup.policy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<TextMap>,
    /// Returns the key for a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_selector: Option<Code>,
    /// Returns the message for a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_selector: Option<Code>,
    /// Returns the partition for a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_selector: Option<Code>,
    /// Returns the headers for a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers_selector: Option<Code>,
    /// Sends only values for which it returns true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<Code>,
}

impl TopicOut {
    /// Returns the fields with code, each with its code.
    #[must_use]
    pub fn selectors(&self) -> [(&'static str, Option<&Code>); 6] {
        [
            ("nameSelector", self.name_selector.as_ref()),
            ("keySelector", self.key_selector.as_ref()),
            ("valueSelector", self.value_selector.as_ref()),
            ("partitionSelector", self.partition_selector.as_ref()),
            ("headersSelector", self.headers_selector.as_ref()),
            ("predicate", self.predicate.as_ref()),
        ]
    }
}
