//! Computes the status of an app from what was observed. Pure.

mod answering;
pub(super) mod kstatus;
mod observed;
mod readiness;

pub(super) use observed::Observed;

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use kube::{ResourceExt, core::DynamicObject};
use serde_json::Value;

use super::{
    conditions::{self, NewCondition, condition},
    packages,
    quarantine::Withheld,
};
use crate::{
    api::{
        AppStatus, KasprApp, LinkedAgent, LinkedComponent, LinkedResources, LinkedTable, Member,
        PackagesStatus, annotations::DISABLE_STATIC_MEMBERSHIP, topic_names,
    },
    resources::{self, AppComponents, RunnableComponent, definition::Component, labels},
    settings::BuildSettings,
};

/// Returns why an autoscaler cannot scale, as it reports itself.
pub(super) fn autoscaler_blocker(autoscaler: &DynamicObject) -> Option<String> {
    let conditions = autoscaler.data.pointer("/status/conditions")?.as_array()?;
    let text = |condition: &Value, field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    let active = conditions.iter().find(|condition| condition["type"] == "ScalingActive")?;
    // The metrics API works but has no metrics of new pods yet.
    let transient = ["no metrics returned", "did not receive metrics"];
    if transient.iter().any(|message| text(active, "message").contains(message)) {
        return None;
    }
    (active["status"] == "False" && active["reason"] != "ScalingDisabled")
        .then(|| format!("{}: {}", text(active, "reason"), text(active, "message")))
}

/// Returns the status of an app whose objects were applied.
pub(super) fn app(
    app: &KasprApp,
    components: &AppComponents,
    observed: &Observed,
    settings: &BuildSettings,
    now: Timestamp,
) -> AppStatus {
    let previous = app.status.clone().unwrap_or_default();
    let Observed { rollout, withheld, .. } = observed;
    let members = observed.members.clone().map(|snapshot| snapshot.or_known(&previous, &observed.pods));
    let replicas = resources::replicas(app);
    let packages = packages_status(app, observed, &previous);
    let (packages_ready, packages) = packages.unzip();
    let cause = answering::cause(replicas, components, observed, members.as_ref());
    let members = members.unwrap_or_default();
    let progressing = readiness::progressing(app, observed);
    let ready = readiness::ready(replicas, observed, &members, cause.as_ref());
    let [stalled, reconciling] = kstatus::of_app(observed, cause.as_ref(), &progressing, &ready);
    let conditions = [
        packages_ready,
        Some(progressing),
        Some(ready),
        Some(stalled),
        Some(reconciling),
        Some(components_ready(withheld)),
    ];
    let linked_resources = linked_resources(components);
    // Members that have yet to start subscribe to the right topics by themselves.
    let ran = previous.available_members.as_deref().is_some_and(|members| !members.starts_with("0/"));
    // Without static membership, members leave and join their group on a restart, which is a rebalance.
    let is_static = !resources::is_annotated(app, DISABLE_STATIC_MEMBERSHIP);
    let changed =
        ran && is_static && subscriptions_changed(previous.linked_resources.as_ref(), &linked_resources);
    let rebalance_required =
        changed || (previous.rebalance_required == Some(true) && !observed.rebalance_requested);
    let image = observed.running_image.clone().unwrap_or_else(|| resources::image(app, settings));
    let image = image.as_str();
    let rebalancing = rebalancing_of_answered(members.members.as_deref().unwrap_or_default());
    AppStatus {
        kaspr_version: Some(resources::version_of(image).to_owned()),
        available_members: Some(format!("{}/{replicas}", rollout.available)),
        replicas: i32::try_from(rollout.replicas).ok(),
        selector: Some(labels::to_selector(&labels::selector(&app.name_any()))),
        rebalancing_members: Some(rebalancing),
        members: members.members.filter(|members| !members.is_empty()),
        unassigned_topics: Some(members.unassigned).filter(|topics| !topics.is_empty()),
        rollout_in_progress: Some(rollout.rolling),
        rebalance_required: Some(rebalance_required),
        last_rebalance_request: observed
            .handled_rebalance_request
            .clone()
            .or(previous.last_rebalance_request),
        linked_resources: Some(linked_resources),
        python_packages: packages,
        ..conditions_only(app, conditions.into_iter().flatten().collect(), now)
    }
}

/// Returns the condition and the status of the packages, if the app has any.
fn packages_status(
    app: &KasprApp,
    observed: &Observed,
    previous: &AppStatus,
) -> Option<(NewCondition, PackagesStatus)> {
    let mut earlier = previous.python_packages.clone();
    if let Some(earlier) =
        earlier.as_mut().filter(|_| previous.observed_generation != app.metadata.generation)
    {
        // A changed spec may fix the error of an install.
        (earlier.state, earlier.error) = (None, None);
    }
    let claim = observed.packages_claim.as_ref();
    let spec = app.spec.python_packages.as_ref()?;
    Some(packages::status(spec, &observed.pods, claim, earlier.as_ref()))
}

/// Formats the rebalancing members out of those that answered: `0/3`.
fn rebalancing_of_answered(members: &[Member]) -> String {
    let rebalancing = members.iter().filter(|member| member.rebalancing == Some(true)).count();
    format!("{rebalancing}/{}", members.len())
}

fn components_ready(withheld: &Withheld) -> NewCondition {
    if withheld.is_empty() {
        let message = "All components are running";
        return condition(conditions::COMPONENTS_READY, true, conditions::ALL_DEFINED, message);
    }
    let all: Vec<String> =
        withheld.iter().map(|(key, hold)| format!("{} {}: {}", key.kind, key.name, hold.message)).collect();
    condition(conditions::COMPONENTS_READY, false, conditions::COMPONENTS_WAITING, all.join("; "))
}

/// Whether members have to subscribe to other topics than before: those of agents by name or
/// pattern, and the changelogs of tables. What is observed for the first time is no change.
fn subscriptions_changed(before: Option<&LinkedResources>, now: &LinkedResources) -> bool {
    let subscriptions = |linked: &LinkedResources| {
        let agents = linked.agents.iter().flatten();
        let mut topics = BTreeSet::new();
        for agent in agents {
            let names = agent.topic_name.iter().flat_map(|names| topic_names(names)).map(str::to_owned);
            topics.extend(names.chain(agent.topic_pattern.clone()));
        }
        let tables: BTreeSet<String> =
            linked.tables.iter().flatten().map(|table| table.name.clone()).collect();
        (topics, tables)
    };
    before.is_some_and(|before| subscriptions(before) != subscriptions(now))
}

/// Returns the current status with other conditions.
pub(super) fn with_conditions(app: &KasprApp, conditions: Vec<NewCondition>, now: Timestamp) -> AppStatus {
    let AppStatus { observed_generation, conditions, .. } = conditions_only(app, conditions, now);
    AppStatus { observed_generation, conditions, ..app.status.clone().unwrap_or_default() }
}

fn conditions_only(app: &KasprApp, next: Vec<NewCondition>, now: Timestamp) -> AppStatus {
    let previous = app.status.as_ref().and_then(|status| status.conditions.as_deref());
    let generation = app.metadata.generation.unwrap_or_default();
    AppStatus {
        observed_generation: Some(generation),
        conditions: Some(conditions::with_transition_times(previous, next, generation, now)),
        ..AppStatus::default()
    }
}

fn linked_resources(components: &AppComponents) -> LinkedResources {
    let agents = components.agents.iter().map(|agent| {
        let topic = agent.spec.input.topic.as_ref();
        LinkedAgent {
            name: agent.name_any(),
            hash: agent.hash.clone(),
            topic_name: topic.and_then(|topic| topic.name.clone()),
            topic_pattern: topic.and_then(|topic| topic.pattern.clone()),
        }
    });
    let tables = components.tables.iter().map(|table| LinkedTable {
        name: table.name_any(),
        hash: table.hash.clone(),
        table_name: Some(table.spec.name.clone()),
    });
    LinkedResources {
        agents: Some(agents.collect()),
        tables: Some(tables.collect()),
        tasks: Some(components.tasks.iter().map(linked_component).collect()),
        webviews: Some(components.webviews.iter().map(linked_component).collect()),
        joins: (!components.joins.is_empty())
            .then(|| components.joins.iter().map(linked_component).collect()),
    }
}

fn linked_component<C: Component>(component: &RunnableComponent<C>) -> LinkedComponent {
    LinkedComponent { name: component.name_any(), hash: component.hash.clone() }
}

#[cfg(test)]
mod tests;
