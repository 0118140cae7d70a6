//! What the published operator left on a resource. Its finalizer would hold every deletion back, and
//! nobody else takes it off.

use std::fmt::Debug;

use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::NamespaceResourceScope,
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Error, context::Context};

/// The published operator's finalizer.
const FINALIZER: &str = "kopf.zalando.org/KopfFinalizerMarker";

/// The published operator's annotation.
const ANNOTATION: &str = "kopf.zalando.org/last-handled-configuration";

/// Takes the published operator's marks off. `K` is the type to write with, `meta` the resource.
pub async fn release<K>(ctx: &Context, meta: &impl Resource) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let marked = meta.finalizers().iter().any(|finalizer| finalizer == FINALIZER);
    if !marked && !meta.annotations().contains_key(ANNOTATION) {
        return Ok(());
    }
    let kept: Vec<&String> = meta.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).collect();
    // With the version that was read, so that no other finalizer is lost.
    let patch = json!({ "metadata": {
        "annotations": { ANNOTATION: null },
        "finalizers": kept,
        "resourceVersion": meta.resource_version(),
    }});
    let (name, namespace) = (meta.name_any(), meta.namespace().unwrap_or_default());
    let api: Api<K> = Api::namespaced(ctx.client.clone(), &namespace);
    match api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await {
        Ok(_) => {
            tracing::info!(kind = %K::kind(&()), namespace, name, "took over from the published operator");
            Ok(())
        }
        // The watch brings the newer version, or the end.
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        Err(error) => {
            Err(Error::api(format!("can't take the old finalizer off {} {name}", K::kind(&())))(error))
        }
    }
}
