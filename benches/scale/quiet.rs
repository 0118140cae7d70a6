//! Waits until operator, controllers, scheduler and pods make no changes.

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

/// Time without changes. The controller of the autoscalers runs every 15 seconds.
const SILENCE: Duration = Duration::from_secs(20);

/// Timeout, after which the measurement continues.
const TIMEOUT: Duration = Duration::from_secs(900);

/// Waits until nothing changes any more. Returns the time of the last change, or `None` if changes continue.
pub(crate) async fn until_quiet(client: &Client) -> io::Result<Option<Instant>> {
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
    while begun.elapsed() < TIMEOUT {
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
