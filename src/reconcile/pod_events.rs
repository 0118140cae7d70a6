//! Why pods of members are not created or do not start: what only events report.

use std::time::Duration;

use k8s_openapi::{api::events::v1::Event, jiff::Timestamp};
use kube::{Api, api::ListParams};

use super::{
    cache::{index::ObjectKey, pod::MemberPod},
    context::Context,
    problem::{CauseKind, PodProblem},
    rollout_status::RolloutStatus,
};
use crate::{error_chain::describe, naming};

/// How long a pod may take to start before its events are read.
const START_SECONDS: i64 = 20;

/// Reasons of events about a pod that cannot be set up. Source: the kubelet and the attach-detach controller.
const SETUP_REASONS: [&str; 5] =
    ["FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox", "NetworkNotReady"];

/// Reason of events about a probe that fails.
const PROBE_REASON: &str = "Unhealthy";

/// What events report about the pods of an app.
#[derive(Clone, Debug, Default)]
pub(super) struct PodEvents {
    /// Why the StatefulSet controller cannot create pods, if it reported that.
    pub not_created: Option<String>,
    /// The problem of a pod that does not become ready, with its ordinal.
    pub stuck: Option<(i32, PodProblem)>,
    /// When to look again; `None` if every pod is ready or explains itself. No watch reports an event.
    pub look_again: Option<Duration>,
}

/// Reads events about pods that are missing, or that do not become ready and whose status does not say why.
///
/// A pod is created within moments, so the events are read only if a pod is still missing at the second look.
pub(super) async fn of_pods(
    ctx: &Context,
    app: &ObjectKey,
    rollout: RolloutStatus,
    pods: &[MemberPod],
) -> PodEvents {
    let present = pods.iter().filter(|pod| !pod.terminating).count();
    let is_missing = i64::try_from(present).unwrap_or(i64::MAX) < rollout.replicas;
    let stuck = pods.iter().find(|pod| !pod.terminating && !pod.ready && pod.problem.is_none());
    if !is_missing && stuck.is_none() {
        ctx.pod_events_backoff.forget(app);
        return PodEvents::default();
    }
    if let Some(remaining) = stuck.filter(|_| !is_missing).and_then(remaining_start) {
        return PodEvents { look_again: Some(remaining), ..PodEvents::default() };
    }
    let mut found = PodEvents::default();
    if ctx.pod_events_backoff.is_failing(app) {
        if is_missing {
            let set = naming::app(&app.name);
            let selector = format!("regarding.kind=StatefulSet,regarding.name={set},reason=FailedCreate");
            found.not_created = newest(ctx, app, &selector, |_| true).await.and_then(|event| event.note);
        }
        if let Some(pod) = stuck {
            let selector = format!("regarding.kind=Pod,regarding.name={},type=Warning", pod.name);
            let event = newest(ctx, app, &selector, |event| event_kind(event).is_some()).await;
            found.stuck = event.and_then(|event| Some((pod.ordinal, problem(event)?)));
        }
    }
    found.look_again = Some(ctx.pod_events_backoff.next_delay(app));
    found
}

/// Returns how long a pod may still take to start; `None` if it took too long.
fn remaining_start(pod: &MemberPod) -> Option<Duration> {
    let created: Timestamp = pod.created.parse().ok()?;
    let age = Timestamp::now().as_second() - created.as_second();
    u64::try_from(START_SECONDS - age).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

fn event_kind(event: &Event) -> Option<CauseKind> {
    let reason = event.reason.as_deref()?;
    if SETUP_REASONS.contains(&reason) {
        return Some(CauseKind::PodSetup);
    }
    (reason == PROBE_REASON).then_some(CauseKind::Probe)
}

fn problem(event: Event) -> Option<PodProblem> {
    Some(PodProblem::new(event_kind(&event)?, event.note?.trim()))
}

/// Returns the newest event that the selector and the condition select.
async fn newest(
    ctx: &Context,
    app: &ObjectKey,
    selector: &str,
    matches: impl Fn(&Event) -> bool,
) -> Option<Event> {
    let api: Api<Event> = Api::namespaced(ctx.client.clone(), &app.namespace);
    match api.list(&ListParams::default().fields(selector)).await {
        Ok(events) => events.items.into_iter().filter(matches).max_by_key(last_seen),
        Err(error) => {
            let (app, namespace) = (&app.name, &app.namespace);
            tracing::debug!(app, namespace, error = describe(&error), "failed to list events");
            None
        }
    }
}

fn last_seen(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().map(|series| series.last_observed_time.0);
    let last = event.deprecated_last_timestamp.as_ref().map(|time| time.0);
    let first = event.event_time.as_ref().map(|time| time.0);
    series.max(last).max(first)
}
