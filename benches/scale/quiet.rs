//! When everything has settled: operator, controllers, scheduler and pods.

use std::{
    io,
    time::{Duration, Instant},
};

use futures::{
    StreamExt,
    stream::{BoxStream, select_all},
};
use k8s_openapi::api::{apps::v1::StatefulSet, autoscaling::v2::HorizontalPodAutoscaler, core::v1::Pod};
use kaspr_operator::api::{KasprAgent, KasprApp, KasprTable};
use kube::{
    Api, Client, Resource,
    core::PartialObjectMeta,
    runtime::{WatchStreamExt, watcher},
};
use serde::de::DeserializeOwned;

/// How long nothing may happen: the autoscalers' controller looks every 15 seconds.
const SILENCE: Duration = Duration::from_secs(20);

/// How long it may take. After that it is measured all the same.
const PATIENCE: Duration = Duration::from_secs(900);

/// Waits until nothing changes any more. Gives when the last change was, or nothing if it goes on.
pub async fn until_quiet(client: &Client) -> io::Result<Option<Instant>> {
    let mut changes = select_all([
        changes::<KasprApp>(client),
        changes::<KasprAgent>(client),
        changes::<KasprTable>(client),
        changes::<StatefulSet>(client),
        changes::<HorizontalPodAutoscaler>(client),
        changes::<Pod>(client),
    ]);
    let begun = Instant::now();
    let mut last = begun;
    while begun.elapsed() < PATIENCE {
        match tokio::time::timeout(SILENCE, changes.next()).await {
            Err(_) => return Ok(Some(last)),
            Ok(Some(())) => last = Instant::now(),
            Ok(None) => return Err(io::Error::other("the watches ended")),
        }
    }
    Ok(None)
}

fn changes<K>(client: &Client) -> BoxStream<'static, ()>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    let api: Api<PartialObjectMeta<K>> = Api::all(client.clone());
    watcher(api, watcher::Config::default()).default_backoff().map(|_| ()).boxed()
}
