//! How changes of the pods ended, for metrics and events. Pure.

use super::state::RolloutState;

/// How a change of the pods ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::reconcile) struct RolloutOutcome {
    /// What became of the change.
    pub result: RolloutResult,
    /// The revision that the change made.
    revision: String,
    /// When the change, or its last stage, began.
    since: Option<i64>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::reconcile) enum RolloutResult {
    /// All members work with it.
    Succeeded,
    /// The pods return to the last revision that worked.
    Returned,
    /// It has failed and stays where it is.
    Held,
}

impl RolloutResult {
    /// Returns the value of the metric label `result`.
    pub(in crate::reconcile) fn label(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Returned => "returned",
            Self::Held => "held",
        }
    }
}

impl RolloutOutcome {
    /// Returns how the change of a state ended, before the state changes. `revision` is that of the change.
    pub(super) fn new(result: RolloutResult, revision: &str, state: &RolloutState) -> Self {
        Self { result, revision: revision.to_owned(), since: state.since }
    }

    /// Returns the success of a change; `None` if nothing changed, or if the end of a return was awaited, which was reported
    /// when it began.
    pub(super) fn of_success(revision: &str, state: &RolloutState) -> Option<Self> {
        let returns = state.held.as_ref().is_some_and(|held| !held.requested && held.returned_to == revision);
        state.since.filter(|_| !returns)?;
        Some(Self::new(RolloutResult::Succeeded, revision, state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::rollout::state::HeldChange;

    #[test]
    fn a_success_is_reported_unless_nothing_changed_or_the_pods_returned() {
        let held = |requested| {
            Some(HeldChange { returned_to: "old".to_owned(), requested, ..HeldChange::default() })
        };
        let state = |since, held| RolloutState { since, held, ..RolloutState::default() };
        let succeeds = |revision, state| RolloutOutcome::of_success(revision, &state).is_some();
        assert!(succeeds("new", state(Some(1), None)));
        // An operator that begins to manage an app, or restarts, sees members that work.
        assert!(!succeeds("new", state(None, None)));
        assert!(!succeeds("old", state(Some(1), held(false))));
        // Another component changed, while the one that failed is still withheld.
        assert!(succeeds("new", state(Some(1), held(false))));
        assert!(succeeds("old", state(Some(1), held(true))));
    }
}
