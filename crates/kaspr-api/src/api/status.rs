use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A condition, in the form of Kubernetes' own conditions.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Type of the condition: Ready, Progressing, Stalled, Reconciling, ComponentsReady or PythonPackagesReady; of an
    /// agent also Healthy.
    pub r#type: String,
    /// Status of the condition.
    pub status: ConditionStatus,
    /// Reason for the last transition, in CamelCase.
    pub reason: String,
    /// Details of the last transition.
    #[serde(default)]
    pub message: String,
    /// Time at which `status` changed last.
    pub last_transition_time: Time,
    /// Generation of the spec that the condition is about.
    pub observed_generation: i64,
}

/// Status of a condition.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ConditionStatus {
    /// The condition is true.
    True,
    /// The condition is false.
    False,
    /// The status is not known.
    Unknown,
}

/// Observed state of an app.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppStatus {
    /// Generation of the spec that the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Version of the framework that the members run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kaspr_version: Option<String>,
    /// Available members out of those wanted: `2/3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_members: Option<String>,
    /// Current members, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Labels of the members' pods, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Members currently rebalancing, out of those that responded: `0/3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalancing_members: Option<String>,
    /// Whether pods are being replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout_in_progress: Option<bool>,
    /// Whether subscriptions changed since the last rebalance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalance_required: Option<bool>,
    /// Value of the annotation `kaspr.io/rebalance` of a manifest that was handled last. The same value in the
    /// manifest requests no further rebalance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_rebalance_request: Option<String>,
    /// Conditions of the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
    /// The last response of each member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<Member>>,
    /// Topics of the app's agents and tables that no member is assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unassigned_topics: Option<Vec<String>>,
    /// The components that the members run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked_resources: Option<LinkedResources>,
    /// State of the Python packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python_packages: Option<PackagesStatus>,
}

/// The last response of a member.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Ordinal of the member's pod.
    pub id: i32,
    /// Whether the member is the leader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<bool>,
    /// Whether the member is rebalancing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalancing: Option<bool>,
    /// Whether the member is rebuilding its tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovering: Option<bool>,
    /// Time of the last transition of the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
    /// UID of the member's pod.
    #[serde(default, rename = "podUID", skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// Creation time of the member's pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_creation_time: Option<String>,
}

/// The components that the members run.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkedResources {
    /// Agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<Vec<LinkedAgent>>,
    /// Tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<Vec<LinkedTable>>,
    /// Tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Vec<LinkedComponent>>,
    /// Webviews.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webviews: Option<Vec<LinkedComponent>>,
    /// Joins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joins: Option<Vec<LinkedComponent>>,
}

/// A component that the members run.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkedComponent {
    /// Name of the resource.
    #[serde(default)]
    pub name: String,
    /// Hash of the definition.
    #[serde(default)]
    pub hash: String,
}

/// An agent that the members run.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkedAgent {
    /// Name of the resource.
    #[serde(default)]
    pub name: String,
    /// Hash of the definition.
    #[serde(default)]
    pub hash: String,
    /// Topic that the agent reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_name: Option<String>,
    /// Pattern of the topics that the agent reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_pattern: Option<String>,
}

/// A table that the members run.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkedTable {
    /// Name of the resource.
    #[serde(default)]
    pub name: String,
    /// Hash of the definition.
    #[serde(default)]
    pub hash: String,
    /// Name of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_name: Option<String>,
}

/// State of the Python packages.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PackagesStatus {
    /// State of the packages: Installing, Ready, Failed or Unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Why the last installation failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Hash of the package settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Packages with their versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<Vec<String>>,
    /// Where packages are cached: persistent, ephemeral, gcs, s3 or azure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_mode: Option<String>,
    /// Time of the last installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_install_time: Option<String>,
    /// Duration of the last installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install_duration: Option<String>,
    /// Pod that ran the last installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_by: Option<String>,
    /// Warnings about the packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
}

/// Observed state of an agent, table, task, webview or join.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentStatus {
    /// Generation of the spec that the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The app that the component belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppReference>,
    /// ConfigMap with the definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<String>,
    /// Hash of the definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Left table of a join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_table: Option<TableReference>,
    /// Right table of a join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right_table: Option<TableReference>,
    /// Conditions of the component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
}

/// The app that a component belongs to.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppReference {
    /// Name of the KasprApp.
    #[serde(default)]
    pub name: String,
    /// AppFound or AppNotFound.
    #[serde(default)]
    pub status: String,
}

/// A table that a join names.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableReference {
    /// The `metadata.name` of the KasprTable.
    #[serde(default)]
    pub name: String,
    /// LeftTableFound, RightTableFound, LeftTableNotFound or RightTableNotFound.
    #[serde(default)]
    pub status: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A status that does not parse would make its app unreadable on the day of the takeover.
    #[test]
    fn the_published_operators_status_is_read_whole() {
        let text = include_str!("../../../../tests/golden/members/status.json");
        let written: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let status: AppStatus = serde_json::from_value(written.clone()).expect("a status");
        let mut read = serde_json::to_value(&status).expect("JSON");
        // The same moments in another form.
        for (i, condition) in written["conditions"].as_array().into_iter().flatten().enumerate() {
            read["conditions"][i]["lastTransitionTime"] = condition["lastTransitionTime"].clone();
        }
        assert_eq!(read, written);
    }
}
