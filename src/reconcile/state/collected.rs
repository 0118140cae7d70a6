//! The snapshots of definitions that were compared with the revisions of their app.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Mutex,
};

use crate::{reconcile::cache::index::ObjectKey, sync::lock};

/// What was compared last, by app: the snapshots that no pod needs, and the newest revision.
#[derive(Default)]
pub(crate) struct CollectedSnapshots(Mutex<HashMap<ObjectKey, (BTreeSet<String>, String)>>);

impl CollectedSnapshots {
    /// Returns whether the snapshots or the newest revision of an app differ from last time, and remembers them.
    pub(crate) fn is_new(&self, app: &ObjectKey, snapshots: &BTreeSet<String>, revision: &str) -> bool {
        let next = (snapshots.clone(), revision.to_owned());
        let mut all = lock(&self.0);
        if all.get(app) == Some(&next) {
            return false;
        }
        all.insert(app.clone(), next);
        true
    }

    /// Forgets an app that was deleted.
    pub(crate) fn forget(&self, app: &ObjectKey) {
        lock(&self.0).remove(app);
    }
}
