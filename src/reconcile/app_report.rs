//! Reports what a reconcile of an app led to: conditions, events and log lines.

use k8s_openapi::jiff::Timestamp;
use kube::{ResourceExt, runtime::controller::Action};

use super::{
    ReconcileError,
    apply::{self, Refusal},
    cache::{index::ObjectKey, store::Guarded},
    conditions::{self, NewCondition, condition},
    context::Context,
    events,
    problem::CauseKind,
    rollout::{
        engine::{RolloutPhase, RolloutStep},
        outcome::RolloutResult,
    },
    status::{self, kstatus},
    status_writer::write_status,
};
use crate::{
    api::{AppStatus, ConditionStatus, KasprApp, annotations::PAUSE},
    error_chain::describe,
    resources,
};

/// Reports refused objects once, and that they were applied.
///
/// # Errors
///
/// [`ReconcileError::Refused`] if there are any, so that they are tried again.
pub(super) async fn record_refusals(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    refused: &[Refusal],
) -> Result<(), ReconcileError> {
    let (name, namespace) = (&key.name, &key.namespace);
    let Some(first) = refused.first() else {
        if ctx.refusal_backoff.forget(key) {
            tracing::info!(name, namespace, "every object was applied");
            events::normal(ctx, app, "Applied", "Every object was applied".to_owned()).await;
        }
        return Ok(());
    };
    if !ctx.refusal_backoff.is_failing(key) {
        let message = apply::messages(refused);
        tracing::warn!(name, namespace, message, "objects were refused; will retry");
        if !has_condition(app, conditions::PROGRESSING, conditions::ERROR) {
            events::warning(ctx, app, conditions::ERROR, message).await;
        }
    }
    Err(ReconcileError::Refused { error_type: first.error_type })
}

pub(super) async fn report_paused(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
) -> Result<Action, ReconcileError> {
    let message = format!("Paused by the annotation {PAUSE}");
    let paused = condition(conditions::PROGRESSING, false, conditions::PAUSED, message.clone());
    let [stalled, reconciling] = kstatus::settled(conditions::PAUSED, message);
    patch_conditions(ctx, key, app, vec![paused, stalled, reconciling]).await?;
    Ok(Action::await_change())
}

pub(super) async fn report_unreadable(
    ctx: &Context,
    app: &Guarded<KasprApp>,
    error: &kube::core::error_boundary::InvalidObject,
) -> Action {
    let (name, namespace) = (app.name_any(), app.namespace());
    tracing::warn!(name, namespace, %error, "failed to read a KasprApp");
    events::warning(ctx, app, conditions::INVALID, conditions::UNREADABLE_MESSAGE.to_owned()).await;
    Action::await_change()
}

pub(super) async fn report_invalid(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    message: String,
) -> Result<Action, ReconcileError> {
    tracing::warn!(name = key.name, namespace = key.namespace, message, "rejected an invalid KasprApp");
    if !has_condition(app, conditions::READY, conditions::INVALID) {
        events::warning(ctx, app, conditions::INVALID, message.clone()).await;
    }
    let [stalled, reconciling] = kstatus::stalled(conditions::INVALID, message.clone());
    let next = vec![
        condition(conditions::PROGRESSING, false, conditions::ERROR, message.clone()),
        condition(conditions::READY, false, conditions::INVALID, message),
        stalled,
        reconciling,
    ];
    patch_conditions(ctx, key, app, next).await?;
    Ok(Action::await_change())
}

/// Reports an object that could not be written in the status. The queue retries.
pub(super) async fn report_failure(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    error: ReconcileError,
) -> Result<Action, ReconcileError> {
    if matches!(error, ReconcileError::Waiting(_)) || error.is_gone() || error.is_conflict() {
        return Err(error);
    }
    let message = describe(&error);
    if !has_condition(app, conditions::PROGRESSING, conditions::ERROR) {
        events::warning(ctx, app, conditions::ERROR, message.clone()).await;
    }
    let [stalled, reconciling] = kstatus::reconciling(conditions::ERROR, message.clone());
    let progressing = condition(conditions::PROGRESSING, false, conditions::ERROR, message.clone());
    let mut next = vec![progressing, stalled, reconciling];
    // Members that run are not affected.
    if !has_condition(app, conditions::READY, conditions::HEALTHY) {
        next.push(condition(conditions::READY, false, conditions::ERROR, message));
    }
    // The API server may be what failed; the first error is the one to report.
    let _ = patch_conditions(ctx, key, app, next).await;
    Err(error)
}

/// Writes new conditions and keeps the rest of the status, other conditions included.
async fn patch_conditions(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    conditions: Vec<NewCondition>,
) -> Result<(), ReconcileError> {
    let mut next = status::with_conditions(app, conditions, Timestamp::now());
    let previous = app.status.as_ref().and_then(|status| status.conditions.as_ref());
    if let Some(conditions) = &mut next.conditions {
        let new: Vec<String> = conditions.iter().map(|condition| condition.r#type.clone()).collect();
        conditions.extend(previous.into_iter().flatten().filter(|c| !new.contains(&c.r#type)).cloned());
    }
    write_status(ctx, key, app, next).await
}

pub(super) async fn record_applied(ctx: &Context, app: &KasprApp, written: &[String]) {
    if !written.is_empty() {
        events::normal(ctx, app, "Applied", format!("Applied {}", written.join(", "))).await;
    }
}

/// Publishes an event for a failed install, once for each message of an installer.
pub(super) async fn record_failed_install(ctx: &Context, app: &KasprApp, next: &AppStatus) {
    let failure = |status: &AppStatus| {
        let mut conditions = status.conditions.iter().flatten();
        conditions
            .find(|c| c.r#type == conditions::PACKAGES_READY && c.reason == conditions::INSTALLATION_FAILED)
            .map(|c| c.message.clone())
    };
    if let Some(message) = failure(next)
        && app.status.as_ref().and_then(failure).as_ref() != Some(&message)
    {
        events::warning(ctx, app, conditions::INSTALLATION_FAILED, message).await;
    }
}

/// Publishes an event when members stop working for another reason than before.
pub(super) async fn record_cause(ctx: &Context, app: &KasprApp, next: &AppStatus) {
    let reported = |status: &AppStatus| {
        let mut conditions = status.conditions.iter().flatten();
        let cause = conditions.find(|c| {
            let is_kstatus = [conditions::STALLED, conditions::RECONCILING_TYPE].contains(&c.r#type.as_str());
            is_kstatus && c.status == ConditionStatus::True && CauseKind::is_worth_an_event(&c.reason)
        });
        cause.map(|condition| (condition.reason.clone(), condition.message.clone()))
    };
    let Some((reason, message)) = reported(next) else { return };
    let before = app.status.as_ref().and_then(reported);
    if before.is_none_or(|(before, _)| before != reason) {
        events::distinct_warning(ctx, app, &reason, message).await;
    }
}

/// Counts a change of the pods that ended, and publishes an event if it failed, once for each change. A change that is
/// held stays so: an earlier process may have reported it.
pub(super) async fn record_rollout(ctx: &Context, key: &ObjectKey, app: &KasprApp, step: &RolloutStep) {
    let Some(outcome) = &step.outcome else { return };
    let (name, namespace) = (&key.name, &key.namespace);
    let is_known = outcome.result == RolloutResult::Held
        && has_condition(app, conditions::PROGRESSING, conditions::ROLLOUT_HELD);
    if !ctx.counted_rollouts.is_new(key, outcome) || is_known {
        return;
    }
    let result = outcome.result.label();
    ctx.metrics.rollout_ended(name, namespace, result);
    let (reason, message) = match &step.phase {
        RolloutPhase::Returned(held) if outcome.result == RolloutResult::Returned => {
            (conditions::ROLLED_BACK, held.sentence("return"))
        }
        RolloutPhase::Held(why) => (conditions::ROLLOUT_HELD, why.clone()),
        _ => return tracing::info!(name, namespace, result, "a change of the pods ended"),
    };
    tracing::warn!(name, namespace, result, message, "a change of the pods failed");
    events::warning(ctx, app, reason, message).await;
}

/// Publishes an event for each annotation that cannot be read, unless the condition already names it.
pub(super) async fn record_unreadable_annotations(ctx: &Context, app: &KasprApp) {
    let known = |problem: &str| {
        let mut conditions = app.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.any(|condition| condition.message.contains(problem))
    };
    for problem in resources::unreadable_annotations(app).into_iter().filter(|problem| !known(problem)) {
        events::warning(ctx, app, "UnreadableAnnotation", problem).await;
    }
}

fn has_condition(app: &KasprApp, r#type: &str, reason: &str) -> bool {
    let mut conditions = app.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|condition| condition.r#type == r#type && condition.reason == reason)
}
