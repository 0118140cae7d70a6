//! From a change of one app to its StatefulSet, while all others are there.

use std::{
    io,
    time::{Duration, Instant},
};

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::apps::v1::StatefulSet;
use kaspr_operator::api::KasprApp;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
    core::PartialObjectMeta,
    runtime::watcher::{self, Event, watcher},
};
use serde_json::json;

use crate::{children, unit::Unit};

/// Changes that are made, one after the other.
const CHANGES: usize = 100;

/// How long a change may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a change sets off, from its new pod to its status, is not the next one's business.
const PAUSE: Duration = Duration::from_millis(300);

/// Changes apps here and there.
pub async fn times(client: &Client, units: usize) -> io::Result<Vec<Duration>> {
    let config = watcher::Config::default().labels(&children::label());
    let sets = watcher(Api::<PartialObjectMeta<StatefulSet>>::all(client.clone()), config);
    pin_mut!(sets);
    while !matches!(sets.next().await, Some(Ok(Event::InitDone)) | None) {}
    let mut times = Vec::new();
    for change in 0..CHANGES {
        // A prime apart, so that neighbours in the list are neighbours nowhere else.
        let unit = Unit((change * 7919 + 13) % units);
        let apps: Api<KasprApp> = Api::namespaced(client.clone(), &unit.namespace());
        let current: Api<StatefulSet> = Api::namespaced(client.clone(), &unit.namespace());
        let name = unit.statefulset();
        let before = current.get_metadata(&name).await.map_err(io::Error::other)?.metadata.generation;
        let memory = format!("{}Mi", 512 + change);
        let patch = json!({ "spec": { "resources": { "limits": { "memory": memory } } } });
        let begun = Instant::now();
        let app = unit.app();
        let (params, patch) = (PatchParams::default(), Patch::Merge(&patch));
        let changed = apps.patch(&app, &params, &patch);
        let followed = async {
            while let Some(event) = sets.next().await {
                if let Ok(Event::Apply(set)) = event
                    && set.name_any() == name
                    && set.metadata.generation > before
                {
                    return begun.elapsed();
                }
            }
            PATIENCE
        };
        let (changed, followed) = futures::join!(changed, tokio::time::timeout(PATIENCE, followed));
        changed.map_err(io::Error::other)?;
        times.push(followed.unwrap_or(PATIENCE));
        tokio::time::sleep(PAUSE).await;
    }
    Ok(times)
}
