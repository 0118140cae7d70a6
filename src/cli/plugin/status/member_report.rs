//! Members in the report of `status`.

use std::collections::BTreeMap;

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::ResourceExt;
use serde::Serialize;

use crate::{api::AppStatus, cli::plugin::resources::AppSet, naming};

/// Status of a member.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberReport {
    /// Ordinal of the pod.
    pub id: i32,
    /// Name of the pod.
    pub pod: String,
    /// Phase of the pod, or the reason why a container waits; empty if the pod does not exist.
    pub state: String,
    /// Whether the pod is ready.
    pub ready: bool,
    /// Whether the pod still has an older template.
    pub older_template: bool,
    /// Whether the member is the leader, if the member answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<bool>,
    /// Whether the member is in a rebalance, if the member answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebalancing: Option<bool>,
    /// Whether the member is recovering tables, if the member answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovering: Option<bool>,
    /// Partitions of the member, if they were requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Assignment>,
}

/// Number of partitions of a member, by topic.
#[derive(Debug, Serialize)]
pub(super) struct Assignment {
    /// Active partitions.
    pub actives: BTreeMap<String, usize>,
    /// Standby partitions.
    pub standbys: BTreeMap<String, usize>,
}

/// Returns the members in the order of their ordinals: the pods of the StatefulSet, with the last response
/// of each member.
pub(super) fn member_reports(
    set: &AppSet,
    status: &AppStatus,
    pods: &[Pod],
    stateful_sets: &[StatefulSet],
) -> Vec<MemberReport> {
    let stateful_set = naming::app(&set.name);
    let in_namespace = |namespace: Option<String>| namespace.as_deref() == Some(&set.namespace);
    let current_revision = stateful_sets
        .iter()
        .find(|other| in_namespace(other.namespace()) && other.name_any() == stateful_set)
        .and_then(|set| set.status.as_ref()?.update_revision.clone());
    let mut members = BTreeMap::<i32, MemberReport>::new();
    for pod in pods.iter().filter(|pod| in_namespace(pod.namespace())) {
        let name = pod.name_any();
        let ordinal = name.strip_prefix(&stateful_set).and_then(|rest| rest.strip_prefix('-')?.parse().ok());
        let Some(id) = ordinal else { continue };
        let revision = pod.labels().get(naming::REVISION_LABEL);
        let older_template =
            current_revision.is_some() && revision.is_some() && revision != current_revision.as_ref();
        let (state, ready) = (pod_state(pod), is_ready(pod));
        let report = MemberReport { id, pod: name, state, ready, older_template, ..Default::default() };
        members.insert(id, report);
    }
    for response in status.members.iter().flatten() {
        let member = members.entry(response.id).or_insert_with(|| MemberReport {
            id: response.id,
            pod: format!("{stateful_set}-{}", response.id),
            ..MemberReport::default()
        });
        member.leader = response.leader;
        member.rebalancing = response.rebalancing;
        member.recovering = response.recovering;
    }
    members.into_values().collect()
}

/// Returns the phase of a pod, or the reason why a container waits, with the number of restarts.
fn pod_state(pod: &Pod) -> String {
    let Some(status) = &pod.status else { return "Unknown".to_owned() };
    if pod.metadata.deletion_timestamp.is_some() {
        return "Terminating".to_owned();
    }
    let containers =
        status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    let mut restarts = 0;
    let mut waiting_reason = None;
    for container in containers {
        restarts += container.restart_count;
        let reason = container.state.as_ref().and_then(|state| state.waiting.as_ref()?.reason.clone());
        waiting_reason = waiting_reason.or(reason.filter(|reason| reason != "PodInitializing"));
    }
    let state = waiting_reason.or_else(|| status.phase.clone()).unwrap_or_else(|| "Unknown".to_owned());
    if restarts > 0 { format!("{state}, {restarts} restarts") } else { state }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
