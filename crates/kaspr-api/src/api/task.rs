use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{ComponentStatus, Processors, cel};

/// A job of an app that runs on a schedule.
///
/// It belongs to the KasprApp that its label `kaspr.io/app` names.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "kaspr.io",
    version = "v1alpha1",
    kind = "KasprTask",
    plural = "kasprtasks",
    shortname = "ktasks",
    shortname = "ktask",
    category = "kaspr",
    namespaced,
    status = "ComponentStatus",
    doc = "A job of a KasprApp, which its label `kaspr.io/app` names, that runs on a schedule.",
    printcolumn = r#"{"name": "App", "type": "string", "jsonPath": ".metadata.labels.kaspr\\.io/app"}"#,
    printcolumn = r#"{"name": "Cron", "type": "string", "jsonPath": ".spec.schedule.cron"}"#,
    printcolumn = r#"{"name": "Interval", "type": "string", "jsonPath": ".spec.schedule.interval"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason", "priority": 1}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct KasprTaskSpec {
    /// Has no effect: the app calls the task by its `metadata.name`.
    pub name: String,
    /// Description of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Run on the leader only, instead of on every member. Default: {ON_LEADER}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(default = "super::schema::disabled")]
    pub on_leader: Option<bool>,
    /// When the task runs. Without it, once when a member starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Operations of the task. The first operation is called without a value.
    pub processors: Processors,
}

/// When a task runs: at most one of `cron` and `interval`.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = cel::not_both("cron", "interval"))]
pub struct Schedule {
    /// A cron expression of five fields, such as `*/5 * * * *`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// Time between two runs: digits and one of s, m, h, d, such as `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = cel::duration())]
    pub interval: Option<String>,
    /// Time zone of `cron`, by its IANA name, such as `Europe/Berlin`. Default: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}
