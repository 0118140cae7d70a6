//! The objects of a unit, and the time until all objects exist and are complete.

use std::{
    collections::HashSet,
    io,
    time::{Duration, Instant},
};

use futures::{
    StreamExt,
    future::ready,
    stream::{BoxStream, select_all},
};
use kaspr_operator::{
    naming::{self, MANAGED_BY_LABEL, MANAGER},
    resources::OwnedKind,
};
use kube::{
    Api, Client, ResourceExt,
    core::{DynamicObject, PartialObjectMeta},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::Value;

use crate::unit::Unit;

/// Timeout without any event, after which the measurement fails.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Kinds of the observed objects.
pub(crate) const KINDS: [OwnedKind; 5] = [
    OwnedKind::ServiceAccount,
    OwnedKind::ConfigMap,
    OwnedKind::Service,
    OwnedKind::HorizontalPodAutoscaler,
    OwnedKind::StatefulSet,
];

/// Kind and name of an object. The number in the name makes it unique in all namespaces.
type Child = (OwnedKind, String);

/// Returns the API of a kind in all namespaces.
pub(crate) fn all(client: &Client, kind: OwnedKind) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &kind.api_resource())
}

/// Returns the label selector of the operator's objects.
pub(crate) fn label() -> String {
    format!("{MANAGED_BY_LABEL}={MANAGER}")
}

/// Waits until all objects of a number of units are complete. Returns the time since `begun`.
pub(crate) async fn until_complete(client: &Client, units: usize, begun: Instant) -> io::Result<Duration> {
    let mut missing: HashSet<Child> = (0..units).map(Unit).flat_map(expected).collect();
    let mut complete = select_all(KINDS.map(|kind| complete_objects(client, kind)));
    while !missing.is_empty() {
        match tokio::time::timeout(TIMEOUT, complete.next()).await {
            Ok(Some(child)) => missing.remove(&child),
            _ => {
                let some: Vec<_> = missing.iter().take(5).collect();
                return Err(io::Error::other(format!("{} objects are missing: {some:?} …", missing.len())));
            }
        };
    }
    Ok(begun.elapsed())
}

fn expected(unit: Unit) -> Vec<Child> {
    let app = unit.app();
    let mut children = vec![
        (OwnedKind::ServiceAccount, naming::app(&app)),
        (OwnedKind::ConfigMap, naming::config_map(&app)),
        (OwnedKind::Service, naming::app(&app)),
        (OwnedKind::Service, naming::api_service(&app)),
        (OwnedKind::HorizontalPodAutoscaler, naming::autoscaler(&app)),
        (OwnedKind::StatefulSet, unit.statefulset()),
    ];
    children.extend(unit.definitions().map(|name| (OwnedKind::ConfigMap, name)));
    children
}

/// Streams the objects of a kind when they are complete. All objects except StatefulSets are complete when they
/// exist.
fn complete_objects(client: &Client, kind: OwnedKind) -> BoxStream<'static, Child> {
    let config = watcher::Config::default().labels(&label());
    if kind == OwnedKind::StatefulSet {
        watcher(all(client, kind), config)
            .default_backoff()
            .applied_objects()
            .filter_map(move |set| {
                ready(set.ok().filter(mentions_components).map(|set| (kind, set.name_any())))
            })
            .boxed()
    } else {
        let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(client.clone(), &kind.api_resource());
        watcher(api, config)
            .default_backoff()
            .applied_objects()
            .filter_map(move |object| ready(object.ok().map(|object| (kind, object.name_any()))))
            .boxed()
    }
}

fn mentions_components(set: &DynamicObject) -> bool {
    let Some(unit) = Unit::from_name(&set.name_any()) else { return false };
    let volumes = set.data.pointer("/spec/template/spec/volumes").and_then(Value::as_array);
    let mounted = |name: &String| volumes.into_iter().flatten().any(|v| v["configMap"]["name"] == **name);
    unit.definitions().iter().all(mounted)
}
