//! Why pods of members are not created: the StatefulSet controller reports that only in events.

use std::time::Duration;

use k8s_openapi::{api::events::v1::Event, jiff::Timestamp};
use kube::{Api, api::ListParams};

use super::{
    cache::{index::ObjectKey, pod::MemberPod},
    context::Context,
    rollout_status::RolloutStatus,
};
use crate::{error_chain::describe, naming};

/// Pods that the StatefulSet controller has yet to create.
#[derive(Clone, Debug, Default)]
pub(super) struct MissingPods {
    /// Why it cannot create them, if it reported that.
    pub reason: Option<String>,
    /// When to look again; `None` if no pod is missing. No watch reports an event.
    pub look_again: Option<Duration>,
}

/// Returns whether pods are missing, and why.
///
/// A pod is created within moments, so the events are read only if a pod is still missing at the second look.
pub(super) async fn missing_pods(
    ctx: &Context,
    app: &ObjectKey,
    rollout: RolloutStatus,
    pods: &[MemberPod],
) -> MissingPods {
    let present = pods.iter().filter(|pod| !pod.terminating).count();
    if i64::try_from(present).unwrap_or(i64::MAX) >= rollout.replicas {
        ctx.missing_pods_backoff.forget(app);
        return MissingPods::default();
    }
    let reason = if ctx.missing_pods_backoff.is_failing(app) { newest_failure(ctx, app).await } else { None };
    MissingPods { reason, look_again: Some(ctx.missing_pods_backoff.next_delay(app)) }
}

/// Returns the message of the newest event about a pod that could not be created.
async fn newest_failure(ctx: &Context, app: &ObjectKey) -> Option<String> {
    let set = naming::app(&app.name);
    let selector = format!("regarding.kind=StatefulSet,regarding.name={set},reason=FailedCreate");
    let api: Api<Event> = Api::namespaced(ctx.client.clone(), &app.namespace);
    match api.list(&ListParams::default().fields(&selector)).await {
        Ok(events) => events.items.into_iter().max_by_key(last_seen)?.note,
        Err(error) => {
            tracing::debug!(
                object = set,
                namespace = app.namespace,
                error = describe(&error),
                "failed to list events"
            );
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
