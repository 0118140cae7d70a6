//! The changes of pods whose end was reported.

use std::{collections::HashMap, sync::Mutex};

use crate::{
    reconcile::{cache::index::ObjectKey, rollout::outcome::RolloutOutcome},
    sync::lock,
};

/// What was reported last, by app. The end of a change is decided again until the cache shows that it was recorded.
#[derive(Default)]
pub(crate) struct CountedRollouts(Mutex<HashMap<ObjectKey, RolloutOutcome>>);

impl CountedRollouts {
    /// Returns whether the end of a change was not reported before, and remembers it.
    pub(crate) fn is_new(&self, app: &ObjectKey, outcome: &RolloutOutcome) -> bool {
        lock(&self.0).insert(app.clone(), outcome.clone()).as_ref() != Some(outcome)
    }

    /// Forgets an app that was deleted.
    pub(crate) fn forget(&self, app: &ObjectKey) {
        lock(&self.0).remove(app);
    }
}
