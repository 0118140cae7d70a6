//! Report of `status`, as printed in JSON and YAML.

use std::collections::BTreeMap;

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::{Resource, ResourceExt};
use serde::Serialize;

use super::member_report::{MemberReport, member_reports};
use crate::{
    api::{
        AppStatus, ComponentStatus, Condition, ConditionStatus, KasprAgent, KasprResource, KasprTable,
        PackagesStatus, Schedule,
        annotations::{PAUSE, ROLL},
    },
    cli::plugin::resources::AppSet,
    resources::is_annotated,
};

/// Status of an app.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppReport {
    /// Namespace of the app.
    pub namespace: String,
    /// Name of the app.
    pub name: String,
    /// Whether the app exists. False if only components name the app.
    pub found: bool,
    /// Version of the framework.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Available and expected members, such as `1/2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_members: Option<String>,
    /// Whether the status is about the latest spec.
    pub observed: bool,
    /// Whether reconciliation is paused.
    pub paused: bool,
    /// Conditions of the app.
    pub conditions: Vec<Condition>,
    /// Members of the app.
    pub members: Vec<MemberReport>,
    /// Components of the app.
    pub components: Vec<ComponentReport>,
    /// Status of the Python packages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python_packages: Option<PackagesStatus>,
    /// Topics that are assigned to no member.
    pub unassigned_topics: Vec<String>,
    /// Whether pods are being replaced.
    pub rollout_in_progress: bool,
    /// Whether a newer pod template is applied with the next change or a roll.
    pub newer_template_waits: bool,
    /// Whether a rebalance is pending.
    pub rebalance_required: bool,
    /// Annotations that the operator reads.
    pub annotations: BTreeMap<String, String>,
}

/// Status of a component.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ComponentReport {
    /// Kind of the component.
    pub kind: String,
    /// Name of the component.
    pub name: String,
    /// Summary of the spec: a topic, a path or a schedule.
    pub about: String,
    /// Whether the component is ready.
    pub ready: bool,
    /// Reason of the condition `Ready`.
    pub reason: String,
    /// Message of the condition `Ready`.
    pub message: String,
    /// Message of the condition `Healthy` of an agent, unless the condition is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy: Option<String>,
}

impl AppReport {
    /// Creates the report of an app from its resources, and from the pods and StatefulSets of all apps.
    pub(super) fn new(set: &AppSet, pods: &[Pod], stateful_sets: &[StatefulSet]) -> Self {
        let app = set.app.as_ref();
        let status = app.and_then(|app| app.status.clone()).unwrap_or_default();
        let AppStatus { conditions, python_packages, unassigned_topics, .. } = status.clone();
        let conditions = conditions.unwrap_or_default();
        let generation = app.and_then(|app| app.metadata.generation);
        Self {
            namespace: set.namespace.clone(),
            name: set.name.clone(),
            found: app.is_some(),
            version: status.kaspr_version.clone(),
            available_members: status.available_members.clone(),
            observed: status.observed_generation == generation,
            paused: app.is_some_and(|app| is_annotated(app, PAUSE)),
            members: member_reports(set, &status, pods, stateful_sets),
            components: component_reports(set),
            python_packages,
            unassigned_topics: unassigned_topics.unwrap_or_default(),
            rollout_in_progress: status.rollout_in_progress == Some(true),
            newer_template_waits: conditions.iter().any(|condition| condition.message.contains(ROLL)),
            rebalance_required: status.rebalance_required == Some(true),
            conditions,
            annotations: app.map(operator_annotations).unwrap_or_default(),
        }
    }
}

fn operator_annotations(app: &impl Resource) -> BTreeMap<String, String> {
    let annotations = app.annotations().iter().filter(|(key, _)| key.starts_with("kaspr.io/"));
    annotations.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn component_reports(set: &AppSet) -> Vec<ComponentReport> {
    let components = &set.components;
    let agents = components
        .agents
        .iter()
        .map(|agent| component_report(agent, agent.status.as_ref(), describe_input(agent)));
    let tables = components
        .tables
        .iter()
        .map(|table| component_report(table, table.status.as_ref(), describe_table(table)));
    let joins = components.joins.iter().map(|join| {
        let about = format!("{} with {}", join.spec.left_table, join.spec.right_table);
        component_report(join, join.status.as_ref(), about)
    });
    let tasks = components.tasks.iter().map(|task| {
        component_report(task, task.status.as_ref(), describe_schedule(task.spec.schedule.as_ref()))
    });
    let views = components.webviews.iter().map(|view| {
        let request = &view.spec.request;
        let method = serde_json::to_value(request.method).unwrap_or_default();
        let about = format!("{} {}", method.as_str().unwrap_or_default(), request.path);
        component_report(view, view.status.as_ref(), about)
    });
    agents.chain(tables).chain(joins).chain(tasks).chain(views).collect()
}

fn component_report<C: KasprResource>(
    component: &C,
    status: Option<&ComponentStatus>,
    about: String,
) -> ComponentReport {
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let find = |r#type: &str| conditions.into_iter().flatten().find(|condition| condition.r#type == r#type);
    let ready = find("Ready");
    let unhealthy = find("Healthy").filter(|condition| condition.status != ConditionStatus::True);
    ComponentReport {
        kind: C::KIND.name().to_owned(),
        name: component.name_any(),
        about,
        ready: ready.is_some_and(|condition| condition.status == ConditionStatus::True),
        reason: ready.map_or_else(|| "NotSeenYet".to_owned(), |condition| condition.reason.clone()),
        message: ready.map(|condition| condition.message.clone()).unwrap_or_default(),
        unhealthy: unhealthy.map(|condition| condition.message.clone()),
    }
}

fn describe_input(agent: &KasprAgent) -> String {
    let input = &agent.spec.input;
    let topic = input.topic.as_ref();
    let named = topic.and_then(|topic| topic.name.as_ref()).map(|name| format!("topic {name}"));
    named
        .or_else(|| topic.and_then(|topic| topic.pattern.as_ref()).map(|pattern| format!("topics {pattern}")))
        .or_else(|| input.channel.as_ref().map(|channel| format!("channel {}", channel.name)))
        .unwrap_or_default()
}

fn describe_table(table: &KasprTable) -> String {
    let partitions = table.spec.partitions.map(|n| format!("{n} partitions"));
    let global = table.spec.global.filter(|global| *global).map(|_| "global".to_owned());
    partitions.into_iter().chain(global).collect::<Vec<_>>().join(", ")
}

fn describe_schedule(schedule: Option<&Schedule>) -> String {
    let cron = schedule.and_then(|schedule| schedule.cron.as_ref()).map(|cron| format!("cron {cron}"));
    let every = schedule.and_then(|s| s.interval.as_ref()).map(|interval| format!("every {interval}"));
    cron.or(every).unwrap_or_else(|| "once, when a member starts".to_owned())
}
