use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{ComponentStatus, InputTopic, Processors, TopicOut, cel};

/// A stream processor of an app: reads a topic or channel, runs each value through a pipeline of
/// Python operations, and sends the results on.
///
/// It belongs to the KasprApp that its label `kaspr.io/app` names.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "kaspr.io",
    version = "v1alpha1",
    kind = "KasprAgent",
    plural = "kaspragents",
    shortname = "kagents",
    shortname = "kagent",
    category = "kaspr",
    namespaced,
    status = "ComponentStatus",
    doc = "A stream processor of a KasprApp, which its label `kaspr.io/app` names: reads a topic or channel, runs each value through a pipeline of Python operations, and sends the results on.",
    printcolumn = r#"{"name": "App", "type": "string", "jsonPath": ".metadata.labels.kaspr\\.io/app"}"#,
    printcolumn = r#"{"name": "Topic", "type": "string", "jsonPath": ".spec.input.topic.name"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason", "priority": 1}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct KasprAgentSpec {
    /// Has no effect: the app calls the agent by its `metadata.name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Description of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Run one instance of the agent for each partition. Default: {ISOLATED_PARTITIONS}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(default = "super::schema::disabled")]
    pub isolated_partitions: Option<bool>,
    /// Source of the values.
    pub input: AgentInput,
    /// Destination of the results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<AgentOutput>,
    /// Operations on each value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processors: Option<Processors>,
}

/// The source of an agent: a topic or a channel.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::either("topic", "channel"))]
#[x_kube(validation = cel::not_both("topic", "channel"))]
pub struct AgentInput {
    /// Create the topic when the app starts. An input topic that does not exist then is not
    /// read until the next restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declare: Option<bool>,
    /// A Kafka topic. Exactly one of `topic` and `channel` must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<InputTopic>,
    /// The output channel of a KasprJoin. Exactly one of `topic` and `channel` must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<InputChannel>,
    /// Collect values and pass them on as a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take: Option<InputTake>,
}

/// A channel inside the app.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::needs_text("name", "must name the output channel of a KasprJoin"))]
pub struct InputChannel {
    /// Name of the channel.
    pub name: String,
}

/// Collects values into lists.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputTake {
    /// Maximum number of values in a list.
    #[x_kube(validation = cel::at_least_one())]
    pub max: i32,
    /// Maximum wait for a full list: digits and one of s, m, h, d, such as `5s`.
    #[x_kube(validation = cel::duration())]
    pub within: String,
}

/// The destination of an agent's results.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentOutput {
    /// Topics that each result is sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub topics: Option<Vec<TopicOut>>,
}
