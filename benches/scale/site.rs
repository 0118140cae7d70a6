//! A new control plane for one measurement, and its clients.

use std::{io, path::Path};

use control_plane::ControlPlane;
use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    Api, Client, Config,
    api::PostParams,
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, DynamicObject, GroupVersionKind},
};

use crate::unit::{self, Unit};

/// The user whose requests are counted.
pub(crate) const AUDITED: &str = "kaspr-operator";

/// Concurrent requests of a client.
const AT_ONCE: usize = 16;

/// Starts a control plane with the namespaces of a number of units. Requests of [`AUDITED`] are counted.
pub(crate) fn start(units: usize) -> io::Result<ControlPlane> {
    let plane = ControlPlane::builder().audit(AUDITED).start().map_err(io::Error::other)?;
    for namespace in unit::namespaces(units) {
        let made = plane.kubectl().args(["create", "namespace", &namespace]).output()?;
        if !made.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&made.stderr)));
        }
    }
    Ok(plane)
}

/// Creates a client with the credentials of a kubeconfig.
pub(crate) async fn client(kubeconfig: &Path) -> io::Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).map_err(io::Error::other)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.map_err(io::Error::other)?).map_err(io::Error::other)
}

/// Runs an operation for each item, with a limited number at a time.
pub(crate) async fn each<I, T, F>(
    items: impl IntoIterator<Item = I>,
    work: impl Fn(I) -> F,
) -> io::Result<Vec<T>>
where
    F: Future<Output = io::Result<T>>,
{
    stream::iter(items).map(work).buffer_unordered(AT_ONCE).try_collect().await
}

/// Creates a unit's resources. Returns the created resources.
pub(crate) async fn create(client: &Client, unit: Unit) -> io::Result<Vec<DynamicObject>> {
    let mut created = Vec::new();
    for resource in unit.resources() {
        let object: DynamicObject = serde_json::from_value(resource)?;
        let api = api(client, &object, &unit.namespace())?;
        created.push(api.create(&PostParams::default(), &object).await.map_err(io::Error::other)?);
    }
    Ok(created)
}

/// Returns the API of an object's kind in a namespace.
pub(crate) fn api(client: &Client, like: &DynamicObject, namespace: &str) -> io::Result<Api<DynamicObject>> {
    let types = like.types.as_ref().ok_or_else(|| io::Error::other("an object without a kind"))?;
    let kind = GroupVersionKind::try_from(types).map_err(io::Error::other)?;
    Ok(Api::namespaced_with(client.clone(), namespace, &ApiResource::from_gvk(&kind)))
}
