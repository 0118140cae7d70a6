//! What `status` tells, in a form for programs.

use std::collections::BTreeMap;

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::{Resource, ResourceExt};
use serde::Serialize;

use crate::{
    api::{
        AppStatus, ComponentStatus, Condition, ConditionStatus, KasprAgent, KasprTable, PackagesStatus,
        Schedule,
        annotations::{PAUSE, ROLL},
    },
    cli::plugin::resources::AppSet,
    naming,
    resources::is_annotated,
};

/// An app.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppReport {
    pub namespace: String,
    pub name: String,
    /// Whether there is a KasprApp of this name, beside its components.
    pub found: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_members: Option<String>,
    /// Whether the operator speaks of the newest spec.
    pub observed: bool,
    pub paused: bool,
    pub conditions: Vec<Condition>,
    pub members: Vec<MemberFacts>,
    pub components: Vec<ComponentFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python_packages: Option<PackagesStatus>,
    pub unassigned_topics: Vec<String>,
    pub rollout_in_progress: bool,
    /// A newer pod template waits for the user's next change.
    pub newer_template_waits: bool,
    pub rebalance_required: bool,
    /// Those that the operator heeds.
    pub annotations: BTreeMap<String, String>,
}

/// A member.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberFacts {
    pub id: i32,
    pub pod: String,
    /// What Kubernetes says of the pod.
    pub state: String,
    pub ready: bool,
    /// Whether the pod still has an older template.
    pub older_template: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebalancing: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovering: Option<bool>,
    /// What it works on, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Assignment>,
}

/// Partitions of a member, by topic.
#[derive(Debug, Serialize)]
pub struct Assignment {
    pub actives: BTreeMap<String, usize>,
    pub standbys: BTreeMap<String, usize>,
}

/// A component.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentFacts {
    pub kind: String,
    pub name: String,
    /// What it is about: a topic, a path, a schedule.
    pub about: String,
    pub ready: bool,
    pub reason: String,
    pub message: String,
}

/// Everything that is known of an app.
pub fn of(set: &AppSet, pods: &[Pod], sets: &[StatefulSet]) -> AppReport {
    let app = set.app.as_ref();
    let status = app.and_then(|app| app.status.clone()).unwrap_or_default();
    let AppStatus { conditions, python_packages, unassigned_topics, .. } = status.clone();
    let conditions = conditions.unwrap_or_default();
    let generation = app.and_then(|app| app.metadata.generation);
    AppReport {
        namespace: set.namespace.clone(),
        name: set.name.clone(),
        found: app.is_some(),
        version: status.kaspr_version.clone(),
        available_members: status.available_members.clone(),
        observed: status.observed_generation == generation,
        paused: app.is_some_and(|app| is_annotated(app, PAUSE)),
        members: members(set, &status, pods, sets),
        components: components(set),
        python_packages,
        unassigned_topics: unassigned_topics.unwrap_or_default(),
        rollout_in_progress: status.rollout_in_progress == Some(true),
        newer_template_waits: conditions.iter().any(|condition| condition.message.contains(ROLL)),
        rebalance_required: status.rebalance_required == Some(true),
        conditions,
        annotations: app.map(heeded).unwrap_or_default(),
    }
}

fn heeded(app: &impl Resource) -> BTreeMap<String, String> {
    let ours = app.annotations().iter().filter(|(key, _)| key.starts_with("kaspr.io/"));
    ours.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The members by number: pods of the StatefulSet, with what they answered last.
fn members(set: &AppSet, status: &AppStatus, pods: &[Pod], sets: &[StatefulSet]) -> Vec<MemberFacts> {
    let stateful = naming::app(&set.name);
    let here = |namespace: Option<String>| namespace.as_deref() == Some(&set.namespace);
    let newest = sets
        .iter()
        .find(|other| here(other.namespace()) && other.name_any() == stateful)
        .and_then(|set| set.status.as_ref()?.update_revision.clone());
    let mut members = BTreeMap::<i32, MemberFacts>::new();
    for pod in pods.iter().filter(|pod| here(pod.namespace())) {
        let name = pod.name_any();
        let number = name.strip_prefix(&stateful).and_then(|rest| rest.strip_prefix('-')?.parse().ok());
        let Some(id) = number else { continue };
        let revision = pod.labels().get("controller-revision-hash");
        let older_template = newest.is_some() && revision.is_some() && revision != newest.as_ref();
        let (state, ready) = (state_of(pod), is_ready(pod));
        members.insert(id, MemberFacts { id, pod: name, state, ready, older_template, ..Default::default() });
    }
    for told in status.members.iter().flatten() {
        let member = members.entry(told.id).or_insert_with(|| MemberFacts {
            id: told.id,
            pod: format!("{stateful}-{}", told.id),
            ..MemberFacts::default()
        });
        member.leader = told.leader;
        member.rebalancing = told.rebalancing;
        member.recovering = told.recovering;
    }
    members.into_values().collect()
}

/// The pod's phase, or what holds a container back.
fn state_of(pod: &Pod) -> String {
    let Some(status) = &pod.status else { return "Unknown".to_owned() };
    if pod.metadata.deletion_timestamp.is_some() {
        return "Terminating".to_owned();
    }
    let containers =
        status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    let mut restarts = 0;
    let mut held = None;
    for container in containers {
        restarts += container.restart_count;
        let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref()?.reason.clone());
        held = held.or(waiting.filter(|reason| reason != "PodInitializing"));
    }
    let state = held.or_else(|| status.phase.clone()).unwrap_or_else(|| "Unknown".to_owned());
    if restarts > 0 { format!("{state}, {restarts} restarts") } else { state }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn components(set: &AppSet) -> Vec<ComponentFacts> {
    let components = &set.components;
    let agents = components.agents.iter().map(|agent| component(agent, agent.status.as_ref(), reads(agent)));
    let tables = components.tables.iter().map(|table| component(table, table.status.as_ref(), keeps(table)));
    let joins = components.joins.iter().map(|join| {
        let about = format!("{} with {}", join.spec.left_table, join.spec.right_table);
        component(join, join.status.as_ref(), about)
    });
    let tasks = components
        .tasks
        .iter()
        .map(|task| component(task, task.status.as_ref(), runs(task.spec.schedule.as_ref())));
    let views = components.webviews.iter().map(|view| {
        let request = &view.spec.request;
        let method = serde_json::to_value(request.method).unwrap_or_default();
        let about = format!("{} {}", method.as_str().unwrap_or_default(), request.path);
        component(view, view.status.as_ref(), about)
    });
    agents.chain(tables).chain(joins).chain(tasks).chain(views).collect()
}

fn component<C: Resource<DynamicType = ()>>(
    component: &C,
    status: Option<&ComponentStatus>,
    about: String,
) -> ComponentFacts {
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let ready = conditions.into_iter().flatten().find(|condition| condition.r#type == "Ready");
    ComponentFacts {
        kind: C::kind(&()).into_owned(),
        name: component.name_any(),
        about,
        ready: ready.is_some_and(|condition| condition.status == ConditionStatus::True),
        reason: ready.map_or_else(|| "NotSeenYet".to_owned(), |condition| condition.reason.clone()),
        message: ready.map(|condition| condition.message.clone()).unwrap_or_default(),
    }
}

fn reads(agent: &KasprAgent) -> String {
    let input = &agent.spec.input;
    let topic = input.topic.as_ref();
    let named = topic.and_then(|topic| topic.name.as_ref()).map(|name| format!("topic {name}"));
    named
        .or_else(|| topic.and_then(|topic| topic.pattern.as_ref()).map(|pattern| format!("topics {pattern}")))
        .or_else(|| input.channel.as_ref().map(|channel| format!("channel {}", channel.name)))
        .unwrap_or_default()
}

fn keeps(table: &KasprTable) -> String {
    let global = if table.spec.global == Some(true) { ", global" } else { "" };
    let partitions = table.spec.partitions.map(|n| format!(", {n} partitions")).unwrap_or_default();
    format!("table {}{partitions}{global}", table.spec.name)
}

fn runs(schedule: Option<&Schedule>) -> String {
    let cron = schedule.and_then(|schedule| schedule.cron.as_ref()).map(|cron| format!("cron {cron}"));
    let every = schedule.and_then(|s| s.interval.as_ref()).map(|interval| format!("every {interval}"));
    cron.or(every).unwrap_or_else(|| "once, at the start of a member".to_owned())
}
