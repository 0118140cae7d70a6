//! An app whose changes crash.

use std::{
    collections::BTreeMap,
    io,
    time::{Duration, Instant},
};

use control_plane::ControlPlane;
use futures::{StreamExt, pin_mut};
use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kaspr_operator::{api::KasprApp, api::annotations::ROLLOUT_STATE};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams, PostParams},
    runtime::{
        wait::{Condition, await_condition},
        watcher::{self, Event, watcher},
    },
};
use serde_json::{Value, json};

/// Timeout of each step, after which the measurement fails.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The name of the app, and that of its StatefulSet.
const NAME: &str = "clicks";
const SET: &str = "clicks-app";

/// An app that runs.
pub(crate) struct App {
    apps: Api<KasprApp>,
    sets: Api<StatefulSet>,
    pods: Api<Pod>,
    members: usize,
}

impl App {
    /// Creates an app, and waits until all members work.
    pub(crate) async fn create(
        plane: &ControlPlane,
        client: &Client,
        members: usize,
        observe_seconds: i32,
    ) -> io::Result<Self> {
        let namespace = plane.new_namespace("rollout").map_err(io::Error::other)?;
        let app = Self {
            apps: Api::namespaced(client.clone(), &namespace),
            sets: Api::namespaced(client.clone(), &namespace),
            pods: Api::namespaced(client.clone(), &namespace),
            members,
        };
        // The first revision is not observed, so that the measurement begins soon.
        let spec = json!({
            "bootstrapServers": "kafka:9092", "replicas": members, "rollout": { "observeSeconds": 0 },
        });
        let new = KasprApp::new(NAME, serde_json::from_value(spec)?);
        app.apps.create(&PostParams::default(), &new).await.map_err(io::Error::other)?;
        app.until("the StatefulSet exists", |set: Option<&StatefulSet>| set.is_some()).await?;
        // The autoscaler of the benchmark has no metrics, and adds no members.
        let replicas = json!({ "spec": { "replicas": members } });
        let params = PatchParams::default();
        app.sets.patch(SET, &params, &Patch::Merge(&replicas)).await.map_err(io::Error::other)?;
        let count = i32::try_from(members).map_err(io::Error::other)?;
        app.until("all members work", move |set: Option<&StatefulSet>| {
            let status = set.and_then(|set| set.status.as_ref());
            is_settled(set) && status.and_then(|status| status.available_replicas) == Some(count)
        })
        .await?;
        app.change(&json!({ "rollout": { "observeSeconds": observe_seconds } })).await?;
        Ok(app)
    }

    /// Changes the image, and lets the first changed member crash. Returns the time from then until all members work
    /// with the earlier image.
    pub(crate) async fn crash(&self, change: usize) -> io::Result<Duration> {
        let image = format!("example.com/broken:{change}");
        self.change(&json!({ "image": image })).await?;
        let time = tokio::time::timeout(TIMEOUT, self.returned(&image)).await;
        let time = time.map_err(|_| io::Error::other("the members did not return in time"))??;
        self.until("the return ended", is_settled).await?;
        Ok(time)
    }

    async fn returned(&self, image: &str) -> io::Result<Duration> {
        let events = watcher(self.pods.clone(), watcher::Config::default());
        pin_mut!(events);
        let mut pods = BTreeMap::new();
        let mut crashed = None;
        while let Some(event) = events.next().await {
            match event.map_err(io::Error::other)? {
                Event::Init => pods.clear(),
                Event::Apply(pod) | Event::InitApply(pod) => _ = pods.insert(pod.name_any(), pod),
                Event::Delete(pod) => _ = pods.remove(&pod.name_any()),
                Event::InitDone => {}
            }
            let mut changed = pods.values().filter(|pod| runs(pod, image));
            match (crashed, changed.next()) {
                (None, Some(pod)) if is_ready(pod) => {
                    let patch = Patch::Merge(crash_status());
                    let params = PatchParams::default();
                    self.pods
                        .patch_status(&pod.name_any(), &params, &patch)
                        .await
                        .map_err(io::Error::other)?;
                    crashed = Some(Instant::now());
                }
                (Some(begun), None) if pods.len() == self.members && pods.values().all(is_ready) => {
                    return Ok(begun.elapsed());
                }
                _ => {}
            }
        }
        Err(io::Error::other("the watch ended"))
    }

    async fn change(&self, spec: &Value) -> io::Result<()> {
        let (params, patch) = (PatchParams::default(), Patch::Merge(json!({ "spec": spec })));
        self.apps.patch(NAME, &params, &patch).await.map(drop).map_err(io::Error::other)
    }

    /// Waits until a condition of the StatefulSet is met.
    async fn until(&self, what: &str, condition: impl Condition<StatefulSet>) -> io::Result<()> {
        let met = tokio::time::timeout(TIMEOUT, await_condition(self.sets.clone(), SET, condition)).await;
        met.map_err(|_| io::Error::other(format!("timed out: {what}")))?.map(drop).map_err(io::Error::other)
    }
}

/// Returns whether the operator knows a revision that works, and no change is in progress.
fn is_settled(set: Option<&StatefulSet>) -> bool {
    let text = set.and_then(|set| set.annotations().get(ROLLOUT_STATE));
    let state: Value = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    state["good"].is_string() && state["since"].is_null()
}

fn runs(pod: &Pod, image: &str) -> bool {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers.into_iter().any(|container| container.image.as_deref() == Some(image))
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready =
        conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    ready && pod.metadata.deletion_timestamp.is_none()
}

/// What the kubelet reports of a container that crashes.
fn crash_status() -> Value {
    json!({ "status": {
        "conditions": [{ "type": "Ready", "status": "False" }, { "type": "ContainersReady", "status": "False" }],
        "containerStatuses": [{
            "name": "kaspr", "image": "i", "imageID": "", "ready": false, "restartCount": 2,
            "state": { "waiting": { "reason": "CrashLoopBackOff" } },
            "lastState": { "terminated": { "exitCode": 1, "message": "NameError: name 'x' is not defined" } },
        }],
    }})
}
