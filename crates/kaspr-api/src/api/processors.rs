use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{Code, TopicOut, cel};

/// A pipeline of named operations.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Processors {
    /// Names of operations, in the order in which they run on each value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub pipeline: Option<Vec<String>>,
    /// Code that runs once before the operations. All of them see the names that it defines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<Code>,
    /// The operations that the pipeline names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub operations: Option<Vec<Operation>>,
}

impl Processors {
    /// Returns whether the pipeline names an operation: others never run.
    #[must_use]
    pub fn runs(&self, operation: &Operation) -> bool {
        let names = |name: &String| self.pipeline.iter().flatten().any(|step| step == name);
        operation.name.as_ref().is_some_and(names)
    }
}

/// One step of a pipeline: exactly one of `map`, `filter` and `topicSend`.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::needs_text("name", "must name the operation, for the pipeline to refer to it"))]
#[x_kube(validation = cel::an_operation())]
#[x_kube(validation = cel::not_both("map", "filter"))]
#[x_kube(validation = cel::not_both("map", "topicSend"))]
#[x_kube(validation = cel::not_both_unless("map", "filter", "topicSend"))]
pub struct Operation {
    /// Name by which the pipeline refers to the operation. Required; unique among the operations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tables that are passed to the code as keyword arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub tables: Option<Vec<TableRef>>,
    /// Returns the next value for a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<Code>,
    /// Drops values for which it does not return true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Code>,
    /// Sends the value to a topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_send: Option<TopicOut>,
}

/// A table that an operation uses.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::needs_text("name", "must be the name of a KasprTable of the same app"))]
#[x_kube(validation = cel::needs_text("paramName", "must name the argument that gets the table"))]
pub struct TableRef {
    /// The `metadata.name` of a KasprTable of the same app.
    pub name: String,
    /// Name of the keyword argument for the table: a Python identifier.
    pub param_name: String,
}
