//! Pods that do not work: what a broken image or definition does to them, in place of the kubelet.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{cluster::Cluster, guard::config_maps};

/// What stands in an image or a definition that does not work.
pub(crate) const BROKEN: &str = "broken";

/// Makes each pod crash that runs something broken, as soon as it is ready.
pub(crate) struct Breaker {
    broken: Arc<Mutex<BTreeSet<String>>>,
    task: JoinHandle<()>,
}

impl Breaker {
    /// Breaks the pods of a namespace from now on.
    pub(crate) fn watch(cluster: &Cluster, namespace: &str) -> Self {
        let (client, namespace) = (cluster.client.clone(), namespace.to_owned());
        let broken = Arc::new(Mutex::new(BTreeSet::new()));
        let names = broken.clone();
        let task = tokio::spawn(async move {
            let api: Api<Pod> = Api::namespaced(client.clone(), &namespace);
            let events = watcher(api.clone(), watcher::Config::default()).default_backoff().applied_objects();
            pin_mut!(events);
            while let Some(pod) = events.next().await {
                let Ok(pod) = pod else { continue };
                if is_ready(&pod) && is_broken(&client, &namespace, &pod).await {
                    names.lock().unwrap_or_else(PoisonError::into_inner).insert(pod.name_any());
                    crash(&api, &pod).await;
                }
            }
        });
        Self { broken, task }
    }

    /// The names of the pods that crashed.
    pub(crate) fn names(&self) -> Vec<String> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Drop for Breaker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

async fn is_broken(client: &Client, namespace: &str, pod: &Pod) -> bool {
    let spec = json!(pod.spec);
    if spec.to_string().contains(BROKEN) {
        return true;
    }
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    for name in config_maps(&spec) {
        let found = api.get_opt(&name).await.ok().flatten();
        if found.is_some_and(|map| json!(map.data).to_string().contains(BROKEN)) {
            return true;
        }
    }
    false
}

async fn crash(api: &Api<Pod>, pod: &Pod) {
    let patch = json!({ "metadata": { "uid": pod.uid() }, "status": crashed() });
    // A pod that is gone meanwhile needs no crash.
    _ = api.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await;
}

fn crashed() -> Value {
    json!({
        "conditions": [{"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "False"}],
        "containerStatuses": [{
            "name": "kaspr", "image": "i", "imageID": "", "ready": false, "restartCount": 2,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "message": "NameError: name 'x' is not defined"}},
        }],
    })
}
