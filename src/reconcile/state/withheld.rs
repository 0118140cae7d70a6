//! The components that the last reconcile of each app withheld.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Mutex,
};

use crate::{
    reconcile::{cache::index::ObjectKey, quarantine::Withheld},
    sync::lock,
};

/// The withheld components, by app.
#[derive(Default)]
pub(crate) struct WithheldComponents(Mutex<HashMap<ObjectKey, Withheld>>);

impl WithheldComponents {
    /// Remembers the withheld components of an app. Returns those whose verdict changed.
    pub(crate) fn update(&self, app: &ObjectKey, withheld: &Withheld) -> Vec<ObjectKey> {
        let mut all = lock(&self.0);
        let before =
            if withheld.is_empty() { all.remove(app) } else { all.insert(app.clone(), withheld.clone()) };
        let before = before.unwrap_or_default();
        let changed = |key: &&ObjectKey| before.get(*key) != withheld.get(*key);
        let keys: BTreeSet<&ObjectKey> = before.keys().chain(withheld.keys()).collect();
        keys.into_iter().filter(changed).cloned().collect()
    }

    /// Forgets an app that was deleted.
    pub(crate) fn forget(&self, app: &ObjectKey) {
        lock(&self.0).remove(app);
    }
}
