//! Edits the desired StatefulSet for a step of a change. Pure.

use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::state::RolloutState;
use crate::{
    api::{
        KasprApp,
        annotations::{ROLLOUT_STATE, TEMPLATE_HASH},
        defaults,
    },
    resources::{BuildError, OwnedKind, OwnedObject, hash},
};

/// Returns the replicas of a StatefulSet.
pub(super) fn replicas(live: &DynamicObject) -> i64 {
    live.data.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1)
}

/// Writes the state into the desired StatefulSet, and which members are changed.
///
/// # Errors
///
/// The object could not be serialized again.
pub(in crate::reconcile) fn write_state(
    app: &KasprApp,
    state: &RolloutState,
    desired: &mut [OwnedObject],
    live: Option<&DynamicObject>,
) -> Result<(), BuildError> {
    let set = desired.iter_mut().find(|object| object.kind == OwnedKind::StatefulSet);
    let Some(set) = set else { return Ok(()) };
    let partition = live.filter(|_| state.one_first).map_or(0, |live| (replicas(live) - 1).max(0));
    let history = app.spec.rollout.as_ref().and_then(|rollout| rollout.history);
    if partition > 0 {
        set.value["spec"]["updateStrategy"]["rollingUpdate"] = json!({ "partition": partition });
    }
    set.value["spec"]["revisionHistoryLimit"] = json!(history.unwrap_or(defaults::ROLLOUT_HISTORY));
    if *state != RolloutState::default() {
        set.value["metadata"]["annotations"][ROLLOUT_STATE] = json!(serde_json::to_string(state)?);
    }
    set.restamp()
}

/// Puts the template of an earlier revision into the desired StatefulSet.
pub(in crate::reconcile) fn write_return(template: Value, desired: &mut [OwnedObject]) {
    let set = desired.iter_mut().find(|object| object.kind == OwnedKind::StatefulSet);
    let Some(set) = set else { return };
    set.value["metadata"]["annotations"][TEMPLATE_HASH] = json!(hash::of_json(&template));
    set.value["spec"]["template"] = template;
}
