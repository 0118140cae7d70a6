//! Objects of an app in the cluster.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    Api, ResourceExt,
    api::ListParams,
    core::{DynamicObject, TypeMeta},
};

use crate::{
    api::Kind,
    cli::plugin::{cluster::Cluster, error::CliError, resources::AppSet},
    naming,
    reconcile::ComponentSet,
    resources::OwnedKind,
};

/// Maximum number of concurrent requests.
pub(super) const CONCURRENT_REQUESTS: usize = 8;

/// Objects of a namespace in the cluster, by kind and name.
pub(super) type LiveObjects = BTreeMap<(OwnedKind, String), DynamicObject>;

/// Fetches the objects that the operator may have created for an app.
pub(super) async fn fetch_live_objects(cluster: &Cluster, set: &AppSet) -> Result<LiveObjects, CliError> {
    let name = &set.name;
    let mut keys = vec![
        (OwnedKind::ServiceAccount, naming::app(name)),
        (OwnedKind::ConfigMap, naming::config_map(name)),
        (OwnedKind::ConfigMap, naming::joins(name)),
        (OwnedKind::PersistentVolumeClaim, naming::packages_claim(name)),
        (OwnedKind::Service, naming::app(name)),
        (OwnedKind::Service, naming::api_service(name)),
        (OwnedKind::HorizontalPodAutoscaler, naming::autoscaler(name)),
        (OwnedKind::PodDisruptionBudget, naming::disruption_budget(name)),
        (OwnedKind::StatefulSet, naming::app(name)),
    ];
    keys.extend(definition_names(&set.components).map(|name| (OwnedKind::ConfigMap, name)));
    let requests = stream::iter(keys.into_iter().map(|(kind, name)| async move {
        let api = Api::<DynamicObject>::namespaced_with(
            cluster.client.clone(),
            &set.namespace,
            &kind.api_resource(),
        );
        let found = api.get_opt(&name).await;
        let found = found.map_err(cluster.request_error(format!("read {kind} {}/{name}", set.namespace)))?;
        Ok(found.map(|mut object| {
            // Some versions of the API server omit the type in the response to a get request.
            object.types.get_or_insert_with(|| TypeMeta {
                api_version: kind.api_resource().api_version,
                kind: kind.to_string(),
            });
            ((kind, name), object)
        }))
    }));
    let found: Vec<Option<((OwnedKind, String), DynamicObject)>> =
        requests.buffered(CONCURRENT_REQUESTS).try_collect().await?;
    let mut live: LiveObjects = found.into_iter().flatten().collect();
    live.extend(snapshots(cluster, set).await?);
    Ok(live)
}

/// Fetches the immutable ConfigMaps with earlier definitions of an app's components.
async fn snapshots(cluster: &Cluster, set: &AppSet) -> Result<LiveObjects, CliError> {
    let resource = OwnedKind::ConfigMap.api_resource();
    let api = Api::<DynamicObject>::namespaced_with(cluster.client.clone(), &set.namespace, &resource);
    let selector = format!("{},{}={}", naming::SNAPSHOT_LABEL, naming::CLUSTER_LABEL, set.name);
    let list = api.list(&ListParams::default().labels(&selector)).await;
    let list = list.map_err(cluster.request_error(format!("list ConfigMaps in {}", set.namespace)))?;
    Ok(list.items.into_iter().map(|map| ((OwnedKind::ConfigMap, map.name_any()), map)).collect())
}

/// Returns the names of the ConfigMaps with the definitions of components.
fn definition_names(components: &ComponentSet) -> impl Iterator<Item = String> {
    let ComponentSet { agents, tables, tasks, webviews, joins } = components;
    let name = |kind: Kind, name: String| naming::definition(kind, &name);
    agents
        .iter()
        .map(move |agent| name(Kind::Agent, agent.name_any()))
        .chain(tables.iter().map(move |table| name(Kind::Table, table.name_any())))
        .chain(tasks.iter().map(move |task| name(Kind::Task, task.name_any())))
        .chain(webviews.iter().map(move |view| name(Kind::WebView, view.name_any())))
        .chain(joins.iter().map(move |join| name(Kind::Join, join.name_any())))
}
