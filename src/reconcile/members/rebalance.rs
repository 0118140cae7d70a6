//! Requests rebalances. Every rebalance can repeat messages: there is never a second one at the same
//! time, and an automatic one waits until everything else is done.

use tokio::time::Instant;

use super::{
    poll_state::{AppState, MAX_SILENT_DELAY, Poll, PollState},
    rebalance_request,
};
use crate::{
    api::{KasprApp, annotations::AUTO_REBALANCE},
    naming,
    reconcile::{cache::index::ObjectKey, context::Context, events},
    resources::{self, environment},
};

/// Requests a rebalance if there is a reason: `manual`, the value of the annotation; or what the poll shows. Returns
/// whether the leader accepted the request.
pub(crate) async fn request_if_needed(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    app_state: &AppState,
    poll: &Poll,
    manual: Option<&str>,
    state: &mut PollState,
) -> bool {
    let now = Instant::now();
    let Some(reason) = reason(ctx, app, app_state, poll, manual.is_some(), state, now) else { return false };
    let begun = Instant::now();
    let outcome = request(ctx, app, poll).await;
    ctx.metrics.rebalance(&key.name, &key.namespace, reason, begun.elapsed(), outcome.is_ok());
    state.unassigned.rebalance_attempted(now);
    state.rebalance_retry = outcome.is_err().then(|| now + MAX_SILENT_DELAY);
    report(ctx, key, app, reason, &outcome).await;
    if outcome.is_ok() {
        state.await_rebalance();
    }
    if let Some(value) = manual {
        rebalance_request::finish(ctx, key, value).await;
        state.handled_request = Some(value.to_owned());
    }
    outcome.is_ok()
}

/// Returns whether rebalances are requested without a person.
pub(super) fn is_automatic(ctx: &Context, app: &KasprApp) -> bool {
    resources::annotation_flag(app, AUTO_REBALANCE).unwrap_or(ctx.settings.members.auto_rebalance)
}

/// Returns the value of the metric label `trigger_reason`, if there is a reason to rebalance.
fn reason(
    ctx: &Context,
    app: &KasprApp,
    app_state: &AppState,
    poll: &Poll,
    manual: bool,
    state: &PollState,
    now: Instant,
) -> Option<&'static str> {
    if manual {
        // One that runs ends first: the next poll looks again.
        return (!poll.busy).then_some("manual");
    }
    let automatic = is_automatic(ctx, app);
    let calm = app_state.settled && poll.complete && !poll.busy;
    if !automatic || !calm || state.rebalance_retry.is_some_and(|retry| retry > now) {
        return None;
    }
    if app_state.status.rebalance_required == Some(true) {
        return Some("subscription_change");
    }
    state.unassigned.is_due(now).then_some("unassigned_topics")
}

/// Sends the request to the leader.
async fn request(ctx: &Context, app: &KasprApp, poll: &Poll) -> Result<(), String> {
    let leader =
        poll.members.iter().find(|member| member.answer.as_ref().is_some_and(|answer| answer.leader));
    let Some(address) = leader.and_then(|leader| leader.pod.address.as_ref()) else {
        return Err("no member answers as the leader".to_owned());
    };
    let path = environment::web_path(app, "/signal/rebalance");
    ctx.member_client.rebalance(address, &path).await.map_err(|error| error.to_string())
}

async fn report(ctx: &Context, key: &ObjectKey, app: &KasprApp, reason: &str, outcome: &Result<(), String>) {
    let (name, namespace) = (key.name.as_str(), key.namespace.as_str());
    match outcome {
        Ok(()) => {
            ctx.members.set_rebalance_requested(key);
            tracing::info!(app = name, namespace, reason, "requested a rebalance");
            events::normal(ctx, app, "Rebalance", format!("Requested a rebalance: {reason}")).await;
        }
        Err(error) => {
            tracing::warn!(app = name, namespace, reason, error, "failed to request a rebalance");
            let note = format!("Failed to request a rebalance ({reason}): {error}");
            events::warning(ctx, app, naming::REBALANCE_REQUEST_FAILED, note).await;
        }
    }
}
