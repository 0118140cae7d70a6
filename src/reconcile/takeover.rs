//! Removes what the Python operator left on a resource. Its finalizer would block every deletion, and
//! no one else removes it.

use std::{collections::BTreeMap, fmt::Debug};

use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::NamespaceResourceScope,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{ReconcileError, context::Context};
use crate::api::annotations::KOPF_PREFIX;

/// The finalizer of the Python operator's framework.
const KOPF_FINALIZER: &str = "kopf.zalando.org/KopfFinalizerMarker";

/// Removes the Python operator's finalizer and annotations. `K` is the type to write with, `meta` the
/// resource.
///
/// # Errors
///
/// The API server refused the write or could not be reached.
pub(super) async fn remove_kopf_marks<K>(ctx: &Context, meta: &impl Resource) -> Result<(), ReconcileError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let marked = meta.finalizers().iter().any(|finalizer| finalizer == KOPF_FINALIZER);
    // The framework also keeps the progress of its handlers in annotations.
    let annotations: BTreeMap<&String, Value> = meta
        .annotations()
        .keys()
        .filter(|key| key.starts_with(KOPF_PREFIX))
        .map(|key| (key, Value::Null))
        .collect();
    if !marked && annotations.is_empty() {
        return Ok(());
    }
    let kept: Vec<&String> =
        meta.finalizers().iter().filter(|finalizer| *finalizer != KOPF_FINALIZER).collect();
    // The resource version ensures that no other finalizer is lost.
    let patch = json!({ "metadata": {
        "annotations": annotations,
        "finalizers": kept,
        "resourceVersion": meta.resource_version(),
    }});
    let (name, namespace) = (meta.name_any(), meta.namespace().unwrap_or_default());
    let api: Api<K> = Api::namespaced(ctx.client.clone(), &namespace);
    match api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await {
        Ok(_) => {
            tracing::info!(kind = %K::kind(&()), namespace, name, "took over from the Python operator");
            Ok(())
        }
        // The watch will deliver the newer version, or the deletion.
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        Err(error) => Err(ReconcileError::api(format!(
            "failed to remove the Python operator's finalizer from {} {name}",
            K::kind(&())
        ))(error)),
    }
}
