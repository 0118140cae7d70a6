use serde_json::json;

use super::*;
use crate::reconcile::{members::snapshot::MembersSnapshot, rollout_status::RolloutStatus};

fn app_of(replicas: i32, status: Value) -> KasprApp {
    let mut app: KasprApp = serde_json::from_value(json!({
        "apiVersion": "kaspr.io/v1alpha1", "kind": "KasprApp", "metadata": { "name": "clicks", "generation": 2 },
        "spec": { "replicas": replicas, "bootstrapServers": "k:9092", "authentication": { "type": "plain" } },
    }))
    .expect("an app");
    app.status = Some(serde_json::from_value(status).expect("a status"));
    app
}

fn status_of(given: &KasprApp, observed: &Observed) -> AppStatus {
    let settings = BuildSettings {
        image_registry: None,
        scale_up_pods_per_step: 4,
        scale_up_period_seconds: 60,
        initial_max_replicas: 1,
        operator_image: String::new(),
        cluster_domain: "cluster.local".to_owned(),
    };
    app(given, &AppComponents::default(), observed, &settings, Timestamp::UNIX_EPOCH)
}

fn status_and_reason(status: &AppStatus, kind: &str) -> String {
    let condition = status.conditions.iter().flatten().find(|c| c.r#type == kind).expect("a condition");
    format!("{:?} {}", condition.status, condition.reason)
}

fn rollout(available: i64, replicas: i64) -> RolloutStatus {
    RolloutStatus { replicas, available, rolling: false }
}

/// Returns the status and reason of the conditions Progressing and Ready.
fn conditions_of(replicas: i32, observed: &Observed) -> [String; 2] {
    let status = status_of(&app_of(replicas, json!({ "observedGeneration": 2 })), observed);
    [conditions::PROGRESSING, conditions::READY].map(|kind| status_and_reason(&status, kind))
}

#[test]
fn conditions_reflect_the_rollout() {
    let observed = |rollout| Observed { rollout, ..Observed::default() };
    let rolling = RolloutStatus { rolling: true, ..rollout(2, 2) };
    let cases = [
        (2, observed(rollout(0, 1)), ["True Reconciling", "False NotReady"]),
        (2, observed(rollout(1, 1)), ["True Reconciling", "False NotReady"]),
        (2, observed(rollout(2, 2)), ["False ReconcileComplete", "True Healthy"]),
        (2, observed(rolling), ["True Reconciling", "False NotReady"]),
        (0, observed(rollout(0, 0)), ["False ReconcileComplete", "True Healthy"]),
    ];
    for (replicas, observed, expected) in cases {
        assert_eq!(conditions_of(replicas, &observed), expected, "{observed:?}");
    }
    let blocked = Some("FailedGetResourceMetric: no metrics".to_owned());
    let blocked = Observed { blocked_autoscaler: blocked, ..observed(rollout(1, 1)) };
    assert_eq!(conditions_of(2, &blocked), ["False ReconcileComplete", "True Healthy"]);
    let older = app_of(2, json!({ "observedGeneration": 1 }));
    let status = status_of(&older, &observed(rollout(1, 2)));
    assert_eq!(status_and_reason(&status, conditions::PROGRESSING), "True NewSpec");
}

#[test]
fn conditions_reflect_the_members() {
    let answered = || MembersSnapshot { members: Some(Vec::new()), ..MembersSnapshot::default() };
    let hung = MembersSnapshot { hung: vec![1], ..answered() };
    let unassigned = MembersSnapshot { unassigned: vec!["clicks".to_owned()], ..answered() };
    for (members, ready) in [(hung, "False HungMembers"), (unassigned, "False NotReady")] {
        let observed = Observed { rollout: rollout(2, 2), members: Some(members), ..Observed::default() };
        assert_eq!(conditions_of(2, &observed), ["False ReconcileComplete", ready], "{observed:?}");
    }
}

#[test]
fn a_blocked_autoscaler_is_reported() {
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
    let reported = format!("FailedGetResourceMetric: {missing}");
    assert_eq!(autoscaler_blocker(&hpa("False", missing)), Some(reported));
    assert_eq!(autoscaler_blocker(&hpa("True", missing)), None);
    assert_eq!(autoscaler_blocker(&hpa("False", "no metrics returned from resource metrics API")), None);
}

#[test]
fn a_rebalance_is_required_once_subscriptions_of_running_members_changed() {
    let linked = json!({ "agents": [{ "name": "a", "hash": "1", "topicName": "old" }], "tables": [] });
    let required = |status: Value, rebalance_requested: bool| {
        let observed = Observed { rollout: rollout(1, 1), rebalance_requested, ..Observed::default() };
        status_of(&app_of(1, status), &observed).rebalance_required
    };
    let running = |required: bool| json!({ "availableMembers": "1/1", "linkedResources": linked, "rebalanceRequired": required });
    assert_eq!(required(running(false), false), Some(true));
    // Not for members that have yet to start, and not at first sight.
    let starting = json!({ "availableMembers": "0/1", "linkedResources": linked });
    assert_eq!(required(starting, false), Some(false));
    assert_eq!(required(json!({ "availableMembers": "1/1" }), false), Some(false));
    // It remains until it was requested.
    let same = json!({ "availableMembers": "1/1", "linkedResources": { "agents": [], "tables": [] }, "rebalanceRequired": true });
    assert_eq!(required(same.clone(), false), Some(true));
    assert_eq!(required(same, true), Some(false));
}

#[test]
fn members_of_another_process_are_kept_until_they_are_polled() {
    let member = json!([{ "id": 0, "rebalancing": true, "lastTransitionTime": "2026-01-01T00:00:00Z", "podUID": "u" }]);
    let before = app_of(1, json!({ "members": member }));
    let status = |members: Option<MembersSnapshot>| {
        status_of(&before, &Observed { rollout: rollout(1, 1), members, ..Observed::default() })
    };
    let kept = status(Some(MembersSnapshot::default()));
    assert_eq!(serde_json::to_value(&kept.members).expect("JSON"), member);
    assert_eq!(kept.rebalancing_members.as_deref(), Some("1/1"));
    assert_eq!(
        status(Some(MembersSnapshot { members: Some(Vec::new()), ..MembersSnapshot::default() })).members,
        None
    );
    assert_eq!(status(None).members, None);
}
