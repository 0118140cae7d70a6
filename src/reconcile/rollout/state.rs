//! What is known of the revisions of an app's pods: an annotation of the StatefulSet, written together with the template,
//! so that a restart of the operator at any point loses nothing.

use kube::ResourceExt;
use serde::{Deserialize, Serialize};

use crate::{
    api::{Kind, annotations::ROLLOUT_STATE},
    reconcile::cache::index::ObjectKey,
};

/// What is known of the revisions of an app's pods.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutState {
    /// The last revision with which all members worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good: Option<String>,
    /// When the current change, or its current stage, began, in Unix seconds; `None` if nothing changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Whether only the last member is changed, and the others after it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub one_first: bool,
    /// Whether all members worked when the change began.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub worked_before: bool,
    /// The change that is withheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldChange>,
}

/// A change that is withheld after the pods returned to an earlier revision.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeldChange {
    /// The revision of the pods that the change made.
    pub revision: String,
    /// The revision that the pods returned to.
    pub returned_to: String,
    /// The hash of the inputs that are withheld. While the inputs are these, the template stays.
    pub inputs: String,
    /// Why, for the user.
    pub cause: String,
    /// The components whose definitions are withheld.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<HeldComponent>,
    /// Whether a person requested the return.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub requested: bool,
}

/// A component whose definition is withheld until it changes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldComponent {
    /// The kind.
    pub kind: Kind,
    /// The name.
    pub name: String,
    /// The hash of the definition that is withheld.
    pub failed: String,
    /// The hash of the definition that the members run instead; `None` if they ran none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good: Option<String>,
}

impl RolloutState {
    /// Reads the state from a StatefulSet. One without a readable state has none: nothing is returned to then.
    #[must_use]
    pub fn of(set: Option<&impl ResourceExt>) -> Self {
        Self::parse(set.and_then(|set| set.annotations().get(ROLLOUT_STATE)).map(String::as_str))
    }

    /// Reads the annotation of a StatefulSet.
    #[must_use]
    pub fn parse(annotation: Option<&str>) -> Self {
        annotation.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Begins a change. `all_work` is whether all members work now. Members that an unfinished change replaces may not
    /// work, which says nothing of the last good revision: what was true before that change counts.
    pub(super) fn begin(&mut self, all_work: bool, is_several: bool, now: i64) {
        let worked_before_unfinished = self.worked_before && self.since.is_some();
        self.worked_before = all_work || worked_before_unfinished;
        self.one_first = self.good.is_some() && is_several;
        self.since = Some(now);
    }

    /// Returns whether the pods already returned to a revision on request.
    pub(super) fn has_returned_to(&self, revision: &str) -> bool {
        self.held.as_ref().is_some_and(|held| held.requested && held.returned_to == revision)
    }
}

impl HeldChange {
    /// Describes the return for the user. `verb` is `return` while pods are being replaced, and `returned` after it.
    pub(in crate::reconcile) fn sentence(&self, verb: &str) -> String {
        let target = if self.requested { "an earlier revision" } else { "the last revision that worked" };
        format!("The members {verb} to {target}: {}", self.cause)
    }
}

impl HeldComponent {
    /// Returns whether this is the component with the key.
    pub(in crate::reconcile) fn is(&self, key: &ObjectKey) -> bool {
        self.kind == key.kind && self.name == key.name
    }

    /// Returns the key of the component.
    pub(in crate::reconcile) fn key(&self, namespace: &str) -> ObjectKey {
        ObjectKey { kind: self.kind, namespace: namespace.to_owned(), name: self.name.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_an_unfinished_change_keeps_what_worked() {
        let mut state = RolloutState { good: Some("a".to_owned()), ..RolloutState::default() };
        state.begin(true, false, 1000);
        assert!(state.worked_before && !state.one_first && state.since == Some(1000));
        // The only member does not work, because the first change broke it.
        state.begin(false, false, 1010);
        assert!(state.worked_before && state.since == Some(1010));
        // Nothing was changing when the only member stopped working.
        state.since = None;
        state.begin(false, true, 2000);
        assert!(!state.worked_before && state.one_first);
    }

    #[test]
    fn a_requested_return_is_carried_out_once() {
        let held = HeldChange { returned_to: "a".to_owned(), requested: true, ..HeldChange::default() };
        let state = RolloutState { held: Some(held), ..RolloutState::default() };
        assert!(state.has_returned_to("a") && !state.has_returned_to("b"));
        assert!(!RolloutState::default().has_returned_to("a"));
    }
}
