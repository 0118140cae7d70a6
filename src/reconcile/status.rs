//! From observed facts to the status. Pure.

use k8s_openapi::jiff::Timestamp;
use kube::{ResourceExt, core::DynamicObject};
use serde_json::Value;

use super::conditions::{self as is, Fact, fact};
use crate::{
    api::{
        AppStatus, KasprApp, LinkedAgent, LinkedComponent, LinkedResources, LinkedTable, PackagesStatus,
        PythonPackages,
    },
    build::{self, Link, Linked, definition::Component, hash},
    settings::BuildSettings,
};

/// What the StatefulSet says of its pods.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pods {
    /// Pods that there should be now; the autoscaler raises it step by step.
    pub wanted: i64,
    /// Pods that are ready for long enough.
    pub available: i64,
    /// Whether pods of an older template are left, or the controller has not looked yet.
    pub rolling: bool,
}

impl Pods {
    /// Reads a StatefulSet.
    pub fn of(set: Option<&DynamicObject>) -> Self {
        let Some(set) = set else { return Self { rolling: true, ..Self::default() } };
        let number = |path: &str| set.data.pointer(path).and_then(Value::as_i64).unwrap_or_default();
        let text = |path: &str| set.data.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let wanted = set.data.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
        let observed = number("/status/observedGeneration") >= set.metadata.generation.unwrap_or_default();
        let updated = text("/status/currentRevision") == text("/status/updateRevision");
        Self { wanted, available: number("/status/availableReplicas"), rolling: !observed || !updated }
    }

    fn complete(self) -> bool {
        !self.rolling && self.available >= self.wanted
    }
}

/// What was seen of an app.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Its pods.
    pub pods: Pods,
    /// Whether this program would build the pods differently, and waits for the user to change them.
    pub newer_template_waits: bool,
}

/// The status of an app whose objects were applied.
pub fn app(
    app: &KasprApp,
    linked: &Linked,
    Seen { pods, newer_template_waits }: Seen,
    settings: &BuildSettings,
    now: Timestamp,
) -> AppStatus {
    let mut facts = Vec::new();
    if let Some(packages) = &app.spec.python_packages {
        facts.push(packages_fact(packages, pods));
    }
    facts.push(if pods.complete() && newer_template_waits {
        let message = "All resources are in desired state; a newer pod template comes with the next change, or \
                       with the annotation kaspr.io/roll: \"true\"";
        fact(is::PROGRESSING, false, is::RECONCILE_COMPLETE, message)
    } else if pods.complete() {
        fact(is::PROGRESSING, false, is::RECONCILE_COMPLETE, "All resources are in desired state")
    } else {
        fact(is::PROGRESSING, true, is::RECONCILING, "Waiting for resources to become ready")
    });
    let replicas = i64::from(build::replicas(app));
    facts.push(match (replicas, pods.complete()) {
        (0, true) => fact(is::READY, true, is::HEALTHY, "App is stopped: spec.replicas is 0"),
        (_, true) => fact(is::READY, true, is::HEALTHY, "App is ready"),
        (_, false) => fact(
            is::READY,
            false,
            is::NOT_READY,
            format!("{} of {} members are available", pods.available, pods.wanted),
        ),
    });
    AppStatus {
        kaspr_version: Some(build::version_of(&build::image(app, settings)).to_owned()),
        available_members: Some(format!("{}/{replicas}", pods.available)),
        rebalancing_members: Some("0/0".to_owned()),
        rollout_in_progress: Some(pods.rolling),
        rebalance_required: Some(false),
        linked_resources: Some(linked_resources(linked)),
        python_packages: app.spec.python_packages.as_ref().map(packages_status),
        ..with_facts(app, facts, now)
    }
}

/// The status of an app that is left as it is, with other conditions.
pub fn unchanged(app: &KasprApp, facts: Vec<Fact>, now: Timestamp) -> AppStatus {
    let AppStatus { observed_generation, conditions, .. } = with_facts(app, facts, now);
    AppStatus { observed_generation, conditions, ..app.status.clone().unwrap_or_default() }
}

fn with_facts(app: &KasprApp, facts: Vec<Fact>, now: Timestamp) -> AppStatus {
    let before = app.status.as_ref().and_then(|status| status.conditions.as_deref());
    let generation = app.metadata.generation.unwrap_or_default();
    AppStatus {
        observed_generation: Some(generation),
        conditions: Some(is::follow(before, facts, generation, now)),
        ..AppStatus::default()
    }
}

fn packages_fact(packages: &PythonPackages, pods: Pods) -> Fact {
    let mode = build::cache_mode(packages);
    if pods.complete() && pods.available > 0 {
        let count = packages.packages.len();
        return fact(
            is::PACKAGES_READY,
            true,
            is::PACKAGES_INSTALLED,
            format!("{count} packages are installed ({mode} mode)"),
        );
    }
    fact(is::PACKAGES_READY, false, is::INSTALLING, format!("Installing packages ({mode} mode)"))
}

fn packages_status(packages: &PythonPackages) -> PackagesStatus {
    PackagesStatus {
        hash: Some(hash::of_packages(packages)),
        cache_mode: Some(build::cache_mode(packages).to_owned()),
        ..PackagesStatus::default()
    }
}

fn linked_resources(linked: &Linked) -> LinkedResources {
    let agents = linked.agents.iter().map(|agent| {
        let topic = agent.spec.input.topic.as_ref();
        LinkedAgent {
            name: agent.name_any(),
            hash: agent.hash.clone(),
            topic_name: topic.and_then(|topic| topic.name.clone()),
            topic_pattern: topic.and_then(|topic| topic.pattern.clone()),
        }
    });
    let tables = linked.tables.iter().map(|table| LinkedTable {
        name: table.name_any(),
        hash: table.hash.clone(),
        table_name: Some(table.spec.name.clone()),
    });
    LinkedResources {
        agents: Some(agents.collect()),
        tables: Some(tables.collect()),
        tasks: Some(linked.tasks.iter().map(component).collect()),
        webviews: Some(linked.webviews.iter().map(component).collect()),
        joins: (!linked.joins.is_empty()).then(|| linked.joins.iter().map(component).collect()),
    }
}

fn component<C: Component>(component: &Link<C>) -> LinkedComponent {
    LinkedComponent { name: component.name_any(), hash: component.hash.clone() }
}
