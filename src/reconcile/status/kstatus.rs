//! The conditions Stalled and Reconciling, by which Flux, Argo CD and other tools of the kstatus convention see whether
//! waiting helps.

use super::observed::Observed;
use crate::reconcile::{
    apply,
    cause::Cause,
    conditions::{self, NewCondition, condition},
    rollout::engine::RolloutPhase,
};

/// Returns Stalled and Reconciling of an app. At most one of them is True.
pub(super) fn of_app(
    observed: &Observed,
    cause: Option<&Cause>,
    progressing: &NewCondition,
    ready: &NewCondition,
) -> [NewCondition; 2] {
    if !observed.refused.is_empty() {
        return stalled(conditions::ERROR, apply::messages(&observed.refused));
    }
    if matches!(observed.phase, RolloutPhase::Held(_) | RolloutPhase::Returned(_)) && !progressing.is_true() {
        return stalled(progressing.reason(), progressing.message());
    }
    match cause {
        Some(cause) if cause.needs_change() => stalled(cause.kind.reason(), cause.sentence()),
        Some(cause) => reconciling(cause.kind.reason(), cause.sentence()),
        None if progressing.is_true() => reconciling(progressing.reason(), progressing.message()),
        None if !ready.is_true() => reconciling(ready.reason(), ready.message()),
        None => settled(conditions::RECONCILE_COMPLETE, progressing.message()),
    }
}

/// Returns Stalled and Reconciling of a component. What does not exist yet may be applied next; the other reasons stay
/// until a person changes the component.
pub(in crate::reconcile) fn of_component(ready: &NewCondition) -> [NewCondition; 2] {
    match ready.reason() {
        _ if ready.is_true() => settled(ready.reason(), ready.message()),
        conditions::APP_NOT_FOUND | conditions::WAITING | conditions::TABLE_NOT_FOUND => {
            reconciling(ready.reason(), ready.message())
        }
        reason => stalled(reason, ready.message()),
    }
}

/// Returns both conditions of a resource that gets no further until a person changes something.
pub(in crate::reconcile) fn stalled(reason: &'static str, message: impl Into<String>) -> [NewCondition; 2] {
    both([true, false], reason, message.into())
}

/// Returns both conditions of a resource that needs more time.
pub(in crate::reconcile) fn reconciling(
    reason: &'static str,
    message: impl Into<String>,
) -> [NewCondition; 2] {
    both([false, true], reason, message.into())
}

/// Returns both conditions of a resource for which nothing is left to do.
pub(in crate::reconcile) fn settled(reason: &'static str, message: impl Into<String>) -> [NewCondition; 2] {
    both([false, false], reason, message.into())
}

fn both([stalled, reconciling]: [bool; 2], reason: &'static str, message: String) -> [NewCondition; 2] {
    [
        condition(conditions::STALLED, stalled, reason, message.clone()),
        condition(conditions::RECONCILING_TYPE, reconciling, reason, message),
    ]
}
