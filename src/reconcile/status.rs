//! From observed facts to the status. Pure.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use kube::{ResourceExt, core::DynamicObject};
use serde_json::Value;

use super::{
    conditions::{self as is, Fact, fact},
    members::Picture,
    packages,
    pods::MemberPod,
    quarantine::AllWaiting,
};
use crate::{
    api::{AppStatus, KasprApp, LinkedAgent, LinkedComponent, LinkedResources, LinkedTable, Member},
    build::{self, Link, Linked, definition::Component, labels},
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

    /// Whether every pod that there should be now is available, and none is to be replaced.
    pub fn complete(self) -> bool {
        !self.rolling && self.available >= self.wanted
    }
}

/// What was seen of an app.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What its StatefulSet says.
    pub pods: Pods,
    /// Its members' pods.
    pub members: Vec<MemberPod>,
    /// What they answered; none where nobody is asked.
    pub picture: Option<Picture>,
    /// Why the autoscaler adds no members, if it can't.
    pub autoscaler: Option<String>,
    /// The claim for packages.
    pub packages_claim: Option<DynamicObject>,
    /// Components that are not given to the members.
    pub waiting: AllWaiting,
    /// Whether this program would build the pods differently, and waits for the user to change them.
    pub newer_template_waits: bool,
    /// Whether a rebalance was asked for since the last status.
    pub rebalanced: bool,
}

/// Why an autoscaler can't do its work: what it says of itself.
pub fn blocked(autoscaler: &DynamicObject) -> Option<String> {
    let conditions = autoscaler.data.pointer("/status/conditions")?.as_array()?;
    let text = |condition: &Value, field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    let active = conditions.iter().find(|condition| condition["type"] == "ScalingActive")?;
    // There is a metrics API, and it has yet to hear of new pods.
    let soon = ["no metrics returned", "did not receive metrics"];
    if soon.iter().any(|words| text(active, "message").contains(words)) {
        return None;
    }
    (active["status"] == "False" && active["reason"] != "ScalingDisabled")
        .then(|| format!("{}: {}", text(active, "reason"), text(active, "message")))
}

/// The status of an app whose objects were applied.
pub fn app(
    app: &KasprApp,
    linked: &Linked,
    seen: &Seen,
    settings: &BuildSettings,
    now: Timestamp,
) -> AppStatus {
    let before = app.status.clone().unwrap_or_default();
    let Seen { pods, waiting, .. } = seen;
    let picture = picture(seen, &before);
    let replicas = build::replicas(app);
    let packages = app.spec.python_packages.as_ref().map(|packages| {
        let claim = seen.packages_claim.as_ref();
        packages::judge(packages, &seen.members, claim, before.python_packages.as_ref())
    });
    let (packages_fact, packages) = packages.unzip();
    let facts = [
        packages_fact,
        Some(progressing(app, seen)),
        Some(ready(replicas, seen, &picture)),
        Some(components(waiting)),
    ];
    let linked_resources = linked_resources(linked);
    // Members that have yet to start subscribe to the right topics by themselves.
    let ran = before.available_members.as_deref().is_some_and(|members| !members.starts_with("0/"));
    let changed = ran && subscriptions_changed(before.linked_resources.as_ref(), &linked_resources);
    let rebalance_required = changed || (before.rebalance_required == Some(true) && !seen.rebalanced);
    let rebalancing = rebalancing(picture.members.as_deref().unwrap_or_default());
    AppStatus {
        kaspr_version: Some(build::version_of(&build::image(app, settings)).to_owned()),
        available_members: Some(format!("{}/{replicas}", pods.available)),
        replicas: i32::try_from(pods.wanted).ok(),
        selector: Some(selector(app)),
        rebalancing_members: Some(rebalancing),
        members: picture.members.filter(|members| !members.is_empty()),
        unassigned_topics: Some(picture.unassigned).filter(|topics| !topics.is_empty()),
        rollout_in_progress: Some(pods.rolling),
        rebalance_required: Some(rebalance_required),
        linked_resources: Some(linked_resources),
        python_packages: packages,
        ..with_facts(app, facts.into_iter().flatten().collect(), now)
    }
}

/// What the members answered. Before the first answers of this process it is what another one wrote:
/// since when a member hangs must outlive a restart.
fn picture(seen: &Seen, before: &AppStatus) -> Picture {
    let Some(picture) = &seen.picture else { return Picture::default() };
    if picture.members.is_some() {
        return picture.clone();
    }
    let unassigned = before.unassigned_topics.clone().unwrap_or_default();
    Picture { members: before.members.clone(), unassigned, ..Picture::default() }
}

/// Members in a rebalance of those that answered.
fn rebalancing(members: &[Member]) -> String {
    let rebalancing = members.iter().filter(|member| member.rebalancing == Some(true)).count();
    format!("{rebalancing}/{}", members.len())
}

fn progressing(app: &KasprApp, Seen { pods, autoscaler, newer_template_waits, .. }: &Seen) -> Fact {
    let replicas = i64::from(build::replicas(app));
    let observed = app.status.as_ref().and_then(|status| status.observed_generation);
    let scaling = pods.wanted < replicas;
    let done = |more: &str| {
        let message = format!("All resources are in desired state{more}");
        fact(is::PROGRESSING, false, is::RECONCILE_COMPLETE, message)
    };
    match autoscaler {
        _ if !pods.complete() && observed != app.metadata.generation => {
            fact(is::PROGRESSING, true, is::NEW_SPEC, "Reconciling desired state")
        }
        _ if !pods.complete() => {
            fact(is::PROGRESSING, true, is::RECONCILING, "Waiting for resources to become ready")
        }
        None if scaling => {
            let message = format!("Adding members step by step: {} of {replicas}", pods.wanted);
            fact(is::PROGRESSING, true, is::RECONCILING, message)
        }
        _ if *newer_template_waits => done(
            "; a newer pod template comes with the next change, or with the annotation kaspr.io/roll: \"true\"",
        ),
        Some(why) if scaling => done(&format!("; the autoscaler adds no members ({why})")),
        _ => done(""),
    }
}

fn ready(replicas: i32, Seen { pods, autoscaler, .. }: &Seen, picture: &Picture) -> Fact {
    let not_ready = |message: String| fact(is::READY, false, is::NOT_READY, message);
    let list = |ids: &[i32]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let some_missing = format!("{} of {replicas} members are available", pods.available);
    match autoscaler {
        _ if !pods.complete() => not_ready(some_missing),
        None if pods.wanted < i64::from(replicas) => not_ready(some_missing),
        _ if !picture.hung.is_empty() => {
            let message = format!("Members that hang in a rebalance: {}", list(&picture.hung));
            fact(is::READY, false, is::HUNG_MEMBERS, message)
        }
        _ if !picture.unassigned.is_empty() => not_ready(format!(
            "No member works on these topics, which a rebalance mends if they exist: {}",
            picture.unassigned.join(", ")
        )),
        // It works, with fewer members than there may be.
        Some(why) if pods.wanted < i64::from(replicas) => {
            let message = format!(
                "{some_missing}: replicas stay at their minimum of {}, because the autoscaler can't read the \
                 members' memory. Is the metrics API (metrics-server) installed? {why}",
                pods.wanted
            );
            fact(is::READY, true, is::HEALTHY, message)
        }
        _ if replicas == 0 => fact(is::READY, true, is::HEALTHY, "App is stopped: spec.replicas is 0"),
        _ => fact(is::READY, true, is::HEALTHY, "App is ready"),
    }
}

fn components(waiting: &AllWaiting) -> Fact {
    if waiting.is_empty() {
        return fact(is::COMPONENTS_READY, true, is::ALL_DEFINED, "No component waits");
    }
    let all: Vec<String> =
        waiting.iter().map(|(key, why)| format!("{} {}: {}", key.kind, key.name, why.message)).collect();
    fact(is::COMPONENTS_READY, false, is::COMPONENTS_WAITING, all.join("; "))
}

/// The labels of the members' pods, as the scale subresource wants them.
fn selector(app: &KasprApp) -> String {
    let pairs: Vec<String> =
        labels::selector(&app.name_any()).iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

/// Whether members have to subscribe to other topics than before: those of agents by name or
/// pattern, and the changelogs of tables. What is seen for the first time is no change.
fn subscriptions_changed(before: Option<&LinkedResources>, now: &LinkedResources) -> bool {
    let subscriptions = |linked: &LinkedResources| {
        let agents = linked.agents.iter().flatten();
        let topics: BTreeSet<String> =
            agents.filter_map(|a| a.topic_name.clone().or(a.topic_pattern.clone())).collect();
        let tables: BTreeSet<String> =
            linked.tables.iter().flatten().filter_map(|table| table.table_name.clone()).collect();
        (topics, tables)
    };
    before.is_some_and(|before| subscriptions(before) != subscriptions(now))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn app_of(replicas: i32, status: Value) -> KasprApp {
        let mut app: KasprApp = serde_json::from_value(json!({
            "apiVersion": "kaspr.io/v1alpha1", "kind": "KasprApp", "metadata": { "name": "clicks", "generation": 2 },
            "spec": { "replicas": replicas, "bootstrapServers": "k:9092", "authentication": { "type": "plain" } },
        }))
        .expect("an app");
        app.status = Some(serde_json::from_value(status).expect("a status"));
        app
    }

    fn of(app_: &KasprApp, seen: &Seen) -> AppStatus {
        let settings = BuildSettings {
            image_registry: None,
            scale_up_pods_per_step: 4,
            scale_up_period_seconds: 60,
            initial_max_replicas: 1,
            operator_image: String::new(),
        };
        app(app_, &Linked::default(), seen, &settings, Timestamp::UNIX_EPOCH)
    }

    fn words(status: &AppStatus, kind: &str) -> String {
        let condition = status.conditions.iter().flatten().find(|c| c.r#type == kind).expect("a condition");
        format!("{:?} {}", condition.status, condition.reason)
    }

    fn pods(available: i64, wanted: i64) -> Pods {
        Pods { wanted, available, rolling: false }
    }

    #[test]
    fn conditions_follow_what_was_seen() {
        let hung = Picture { hung: vec![1], members: Some(Vec::new()), ..Picture::default() };
        let unassigned = Picture {
            unassigned: vec!["clicks".to_owned()],
            members: Some(Vec::new()),
            ..Picture::default()
        };
        let blocked = Some("FailedGetResourceMetric: no metrics".to_owned());
        let cases = [
            (2, Seen { pods: pods(0, 1), ..Seen::default() }, "True Reconciling", "False NotReady"),
            (2, Seen { pods: pods(1, 1), ..Seen::default() }, "True Reconciling", "False NotReady"),
            (
                2,
                Seen { pods: pods(1, 1), autoscaler: blocked, ..Seen::default() },
                "False ReconcileComplete",
                "True Healthy",
            ),
            (2, Seen { pods: pods(2, 2), ..Seen::default() }, "False ReconcileComplete", "True Healthy"),
            (
                2,
                Seen { pods: Pods { rolling: true, ..pods(2, 2) }, ..Seen::default() },
                "True Reconciling",
                "False NotReady",
            ),
            (0, Seen { pods: pods(0, 0), ..Seen::default() }, "False ReconcileComplete", "True Healthy"),
            (
                2,
                Seen { pods: pods(2, 2), picture: Some(hung), ..Seen::default() },
                "False ReconcileComplete",
                "False HungMembers",
            ),
            (
                2,
                Seen { pods: pods(2, 2), picture: Some(unassigned), ..Seen::default() },
                "False ReconcileComplete",
                "False NotReady",
            ),
        ];
        for (replicas, seen, progressing, ready) in cases {
            let status = of(&app_of(replicas, json!({ "observedGeneration": 2 })), &seen);
            assert_eq!(words(&status, is::PROGRESSING), progressing, "{seen:?}");
            assert_eq!(words(&status, is::READY), ready, "{seen:?}");
        }
        let status =
            of(&app_of(2, json!({ "observedGeneration": 1 })), &Seen { pods: pods(1, 2), ..Seen::default() });
        assert_eq!(words(&status, is::PROGRESSING), "True NewSpec");
    }

    #[test]
    fn why_an_autoscaler_adds_no_members_is_told() {
        let hpa = |status: &str, message: &str| -> DynamicObject {
            serde_json::from_value(json!({
                "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {},
                "status": { "conditions": [
                    { "type": "ScalingActive", "status": status, "reason": "FailedGetResourceMetric", "message": message },
                ] },
            }))
            .expect("an autoscaler")
        };
        let missing = "unable to fetch metrics from resource metrics API: the server could not find it";
        let told = format!("FailedGetResourceMetric: {missing}");
        assert_eq!(blocked(&hpa("False", missing)), Some(told));
        assert_eq!(blocked(&hpa("True", missing)), None);
        assert_eq!(blocked(&hpa("False", "no metrics returned from resource metrics API")), None);
    }

    #[test]
    fn a_rebalance_is_required_once_subscriptions_of_running_members_changed() {
        let linked = json!({ "agents": [{ "name": "a", "hash": "1", "topicName": "old" }], "tables": [] });
        let required = |status: Value, rebalanced: bool| {
            let seen = Seen { pods: pods(1, 1), rebalanced, ..Seen::default() };
            of(&app_of(1, status), &seen).rebalance_required
        };
        let running = |required: bool| json!({ "availableMembers": "1/1", "linkedResources": linked, "rebalanceRequired": required });
        assert_eq!(required(running(false), false), Some(true));
        // Not for members that have yet to start, and not at first sight.
        let starting = json!({ "availableMembers": "0/1", "linkedResources": linked });
        assert_eq!(required(starting, false), Some(false));
        assert_eq!(required(json!({ "availableMembers": "1/1" }), false), Some(false));
        // It stays until it was asked for.
        let same = json!({ "availableMembers": "1/1", "linkedResources": { "agents": [], "tables": [] }, "rebalanceRequired": true });
        assert_eq!(required(same.clone(), false), Some(true));
        assert_eq!(required(same, true), Some(false));
    }

    #[test]
    fn members_of_another_process_stay_until_they_are_asked() {
        let member = json!([{ "id": 0, "rebalancing": true, "lastTransitionTime": "2026-01-01T00:00:00Z", "podUID": "u" }]);
        let before = app_of(1, json!({ "members": member }));
        let status =
            |picture: Option<Picture>| of(&before, &Seen { pods: pods(1, 1), picture, ..Seen::default() });
        let kept = status(Some(Picture::default()));
        assert_eq!(serde_json::to_value(&kept.members).expect("JSON"), member);
        assert_eq!(kept.rebalancing_members.as_deref(), Some("1/1"));
        assert_eq!(status(Some(Picture { members: Some(Vec::new()), ..Picture::default() })).members, None);
        assert_eq!(status(None).members, None);
    }
}
