//! Every pod that a namespace ever saw: a restart shows as one more.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    runtime::{WatchStreamExt, watcher},
};
use tokio::task::JoinHandle;

use crate::cluster::Cluster;

/// The pods that were ever seen in a namespace.
pub(crate) struct Pods {
    /// By their ids.
    seen: Arc<Mutex<BTreeMap<String, Seen>>>,
    task: JoinHandle<()>,
}

struct Seen {
    name: String,
    revision: String,
    created: String,
}

impl Pods {
    /// Watches from now on.
    pub(crate) fn watch(cluster: &Cluster, namespace: &str) -> Self {
        let api: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
        let seen = Arc::new(Mutex::new(BTreeMap::new()));
        let known = seen.clone();
        let task = tokio::spawn(async move {
            let events = watcher(api, watcher::Config::default()).default_backoff().touched_objects();
            pin_mut!(events);
            while let Some(pod) = events.next().await {
                let pod = pod.ok().and_then(|pod| Some((pod.uid()?, Seen::of(&pod))));
                known.lock().unwrap_or_else(PoisonError::into_inner).extend(pod);
            }
        });
        Self { seen, task }
    }

    /// What distinguishes a run with restarts from one without: how many pods there were, or how many
    /// revisions where a pod was replaced. The StatefulSet's controller deletes pods by name, and
    /// where a pod is gone at once its cache may still show the old one: it then deletes the new one,
    /// which is of the same revision.
    pub(crate) fn count(&self) -> usize {
        let pods = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let revisions: BTreeSet<&str> = pods.values().map(|pod| pod.revision.as_str()).collect();
        if revisions.len() > 1 { revisions.len() } else { pods.len() }
    }

    /// Each of them in a line.
    pub(crate) fn list(&self) -> String {
        let pods = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let words = |Seen { name, revision, created }: &Seen| format!("{name}, {revision}, made {created}\n");
        pods.values().map(words).collect()
    }
}

impl Seen {
    fn of(pod: &Pod) -> Self {
        let revision = pod.labels().get("controller-revision-hash").cloned().unwrap_or_default();
        let created = pod.creation_timestamp().map(|time| time.0.to_string()).unwrap_or_default();
        Self { name: pod.name_any(), revision, created }
    }
}

impl Drop for Pods {
    fn drop(&mut self) {
        self.task.abort();
    }
}
