//! The package installs that metrics have counted.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use crate::{
    reconcile::cache::{index::ObjectKey, pod::MemberPod},
    sync::lock,
};

/// The counted installs, by app: the UID of the pod, and whether the install succeeded.
#[derive(Default)]
pub(crate) struct CountedInstalls(Mutex<HashMap<ObjectKey, HashSet<(String, bool)>>>);

impl CountedInstalls {
    /// Returns the pods whose install ended and was not counted before. `succeeded` is `None` for an
    /// install that has not ended.
    pub(crate) fn take_uncounted<'a>(
        &self,
        app: &ObjectKey,
        pods: &'a [MemberPod],
        succeeded: impl Fn(&MemberPod) -> Option<bool>,
    ) -> Vec<&'a MemberPod> {
        let mut all = lock(&self.0);
        let counted = all.entry(app.clone()).or_default();
        counted.retain(|(uid, _)| pods.iter().any(|pod| pod.uid == *uid));
        let mut uncounted = Vec::new();
        for pod in pods {
            if succeeded(pod).is_some_and(|succeeded| counted.insert((pod.uid.clone(), succeeded))) {
                uncounted.push(pod);
            }
        }
        uncounted
    }

    /// Forgets an app that was deleted.
    pub(crate) fn forget(&self, app: &ObjectKey) {
        lock(&self.0).remove(app);
    }

    /// Forgets everything: the series of the metrics ended with the Lease.
    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }
}
