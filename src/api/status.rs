use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One aspect of an object's state, in the form of Kubernetes' own conditions.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// The aspect: Ready, Progressing, PythonPackagesReady.
    pub r#type: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in one word.
    pub reason: String,
    /// Why, in words.
    #[serde(default)]
    pub message: String,
    /// When `status` changed last.
    pub last_transition_time: Time,
    /// Generation of the spec that the condition speaks of.
    pub observed_generation: i64,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It is not known.
    Unknown,
}

/// What the operator knows of an app.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppStatus {
    /// Generation of the spec that the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Version of the framework that the members run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kaspr_version: Option<String>,
    /// Available members of those wanted: `2/3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_members: Option<String>,
    /// Members that there are, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Labels of the members' pods, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Members in a rebalance of those seen: `0/3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalancing_members: Option<String>,
    /// Whether pods are being replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout_in_progress: Option<bool>,
    /// Whether subscriptions changed since the last rebalance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalance_required: Option<bool>,
    /// Aspects of the app's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
    /// What each member answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<Member>>,
    /// Topics that the app's agents and tables need and that no member holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unassigned_topics: Option<Vec<String>>,
    /// The components that the members run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked_resources: Option<LinkedResources>,
    /// State of the Python packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python_packages: Option<PackagesStatus>,
}

/// What a member answered last.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Ordinal of its pod.
    pub id: i32,
    /// Whether it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<bool>,
    /// Whether it is in a rebalance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalancing: Option<bool>,
    /// Whether it rebuilds its tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovering: Option<bool>,
    /// When one of these changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
    /// UID of its pod.
    #[serde(default, rename = "podUID", skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// When its pod was made.
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
    /// Hash of its definition.
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
    /// Hash of its definition.
    #[serde(default)]
    pub hash: String,
    /// The topic that it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_name: Option<String>,
    /// The pattern of the topics that it reads.
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
    /// Hash of its definition.
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
    /// Hash of the package settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Packages with their versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<Vec<String>>,
    /// Where they are kept: persistent, ephemeral, gcs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_mode: Option<String>,
    /// When they were installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_install_time: Option<String>,
    /// How long that took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install_duration: Option<String>,
    /// The pod that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_by: Option<String>,
    /// What to look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
}

/// What the operator knows of an agent, table, task, webview or join.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentStatus {
    /// Generation of the spec that the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The app that the component belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppReference>,
    /// The ConfigMap that holds the definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<String>,
    /// Hash of the definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// A join's left table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_table: Option<TableReference>,
    /// A join's right table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right_table: Option<TableReference>,
    /// Aspects of the component's state.
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
    /// The `spec.name` of the KasprTable.
    #[serde(default)]
    pub name: String,
    /// LeftTableFound, RightTableFound, LeftTableNotFound or RightTableNotFound.
    #[serde(default)]
    pub status: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A status that the types can't read would make its app unreadable on the day of the change.
    #[test]
    fn the_published_operators_status_is_read_whole() {
        let text = include_str!("../../tests/golden/members/status.json");
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
