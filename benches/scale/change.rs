//! Time from a change of one app to its StatefulSet, with all other apps present.

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

/// Number of sequential changes.
const CHANGES: usize = 100;

/// Timeout of a change.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Pause between changes, so that the effects of a change do not affect the next one.
const PAUSE: Duration = Duration::from_millis(300);

/// Changes apps that are distributed over the list.
pub(crate) async fn times(client: &Client, units: usize) -> io::Result<Vec<Duration>> {
    let config = watcher::Config::default().labels(&children::label());
    let sets = watcher(Api::<PartialObjectMeta<StatefulSet>>::all(client.clone()), config);
    pin_mut!(sets);
    while !matches!(sets.next().await, Some(Ok(Event::InitDone)) | None) {}
    let mut times = Vec::new();
    for change in 0..CHANGES {
        // A prime stride, so that sequential changes are not to adjacent apps.
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
            TIMEOUT
        };
        let (changed, followed) = futures::join!(changed, tokio::time::timeout(TIMEOUT, followed));
        changed.map_err(io::Error::other)?;
        times.push(followed.unwrap_or(TIMEOUT));
        tokio::time::sleep(PAUSE).await;
    }
    Ok(times)
}
