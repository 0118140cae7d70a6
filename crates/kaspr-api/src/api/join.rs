use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Code, ComponentStatus, cel};

/// A join of two tables of an app: for every change of either, the joined pair is sent to a
/// channel that agents can read.
///
/// It belongs to the KasprApp that its label `kaspr.io/app` names.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "kaspr.io",
    version = "v1alpha1",
    kind = "KasprJoin",
    plural = "kasprjoins",
    shortname = "kjoin",
    shortname = "kj",
    category = "kaspr",
    namespaced,
    status = "ComponentStatus",
    doc = "A join of two tables of a KasprApp, which its label `kaspr.io/app` names: for every change of either, the joined pair is sent to a channel that agents can read.",
    printcolumn = r#"{"name": "App", "type": "string", "jsonPath": ".metadata.labels.kaspr\\.io/app"}"#,
    printcolumn = r#"{"name": "Left", "type": "string", "jsonPath": ".spec.leftTable"}"#,
    printcolumn = r#"{"name": "Right", "type": "string", "jsonPath": ".spec.rightTable"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason", "priority": 1}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct KasprJoinSpec {
    /// Has no effect: the app calls the join by its `metadata.name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Description of the join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The `metadata.name` of the table whose values are passed to the extractor.
    #[x_kube(validation = cel::not_empty("must be the name of a KasprTable of the same app"))]
    pub left_table: String,
    /// The `metadata.name` of the table that the extracted key is looked up in.
    #[x_kube(validation = cel::not_empty("must be the name of a KasprTable of the same app"))]
    pub right_table: String,
    /// Called with a value of the left table; returns the key in the right one.
    pub extractor: Code,
    /// `inner` drops left values without a match, `left` keeps them. Default: {JOIN_TYPE}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(default = "super::schema::join_type")]
    pub r#type: Option<JoinType>,
    /// Channel that the pairs are sent to. Default: the join's name with `-channel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_channel: Option<String>,
}

/// What happens to left values without a match.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JoinType {
    /// They are dropped.
    Inner,
    /// They are kept.
    Left,
}
