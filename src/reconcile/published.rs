//! What the published operator left on a resource. Its finalizer would hold every deletion back, and
//! nobody else takes it off.

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::NamespaceResourceScope,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Error, context::Context};
use crate::build::labels::MANAGER;

/// The published operator's finalizer.
const FINALIZER: &str = "kopf.zalando.org/KopfFinalizerMarker";

/// The published operator's annotation.
const ANNOTATION: &str = "kopf.zalando.org/last-handled-configuration";

/// The name under which the published operator's client library owns fields.
const LIBRARY: &str = "OpenAPI-Generator";

/// The managed fields of an object with the published operator's share handed to this one, if it has
/// any: a field that two managers own stays when only one of them leaves it out.
pub fn inherit(managed: &[ManagedFieldsEntry]) -> Option<Vec<ManagedFieldsEntry>> {
    let theirs = |entry: &&ManagedFieldsEntry| {
        entry.manager.as_deref() == Some(LIBRARY)
            && entry.subresource.as_deref().unwrap_or_default().is_empty()
    };
    let ours = |entry: &ManagedFieldsEntry| {
        entry.manager.as_deref() == Some(MANAGER) && entry.operation.as_deref() == Some("Apply")
    };
    let inherited: Vec<&ManagedFieldsEntry> = managed.iter().filter(theirs).collect();
    if inherited.is_empty() {
        return None;
    }
    let mut kept: Vec<ManagedFieldsEntry> = managed.iter().filter(|entry| !theirs(entry)).cloned().collect();
    let heir = kept.iter_mut().find(|entry| ours(entry) && entry.subresource.is_none())?;
    for entry in inherited {
        if let (Some(FieldsV1(into)), Some(FieldsV1(from))) = (&mut heir.fields_v1, &entry.fields_v1) {
            unite(into, from);
        }
    }
    Some(kept)
}

/// Adds the fields of a set to another one.
fn unite(into: &mut Value, from: &Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        for (field, below) in from {
            unite(into.entry(field.clone()).or_insert_with(|| json!({})), below);
        }
    }
}

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
