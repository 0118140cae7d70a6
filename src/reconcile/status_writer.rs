//! Writes the status of resources, where it differs.

use std::fmt::Debug;

use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::{NamespaceResourceScope, object::HasStatus},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{ReconcileError, cache::index::ObjectKey, context::Context, state::assumed_status::Assumed};
use crate::naming::MANAGER;

/// Writes the status, unless the resource already has it.
///
/// # Errors
///
/// The API server refused the write or could not be reached. A resource that was deleted meanwhile is
/// not an error.
pub(super) async fn write_status<K>(
    ctx: &Context,
    key: &ObjectKey,
    resource: &K,
    status: K::Status,
) -> Result<(), ReconcileError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + HasStatus,
    K::Status: Assumed + PartialEq + Serialize,
{
    if resource.status() == Some(&status) {
        return Ok(());
    }
    let patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        // A resource that was deleted and created again has another UID.
        "metadata": { "name": key.name, "uid": resource.uid() },
        "status": status,
    });
    let api: Api<K> = Api::namespaced(ctx.client.clone(), &key.namespace);
    match api.patch_status(&key.name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&patch)).await {
        Ok(_) => {
            let fields = changed_fields(resource.status(), &status);
            ctx.queues.with_labels(key, |labels| {
                ctx.metrics.status_updated(labels.app, labels.namespace, fields.iter().map(String::as_str));
            });
            ctx.assumed.assume(key.clone(), resource.resource_version(), status);
            Ok(())
        }
        Err(kube::Error::Api(status)) if status.is_not_found() || is_uid_conflict(&status) => Ok(()),
        Err(error) => Err(ReconcileError::api(format!(
            "failed to write the status of {} {}",
            key.kind, key.name
        ))(error)),
    }
}

/// Returns whether a conflict is about the UID: the resource was deleted and created again.
fn is_uid_conflict(status: &kube::core::Status) -> bool {
    status.is_conflict() && status.message.contains("UID")
}

/// Returns the fields of a status that differ.
fn changed_fields<S: Serialize>(before: Option<&S>, now: &S) -> Vec<String> {
    let fields = |status: Option<&S>| match status.map(serde_json::to_value) {
        Some(Ok(Value::Object(fields))) => fields,
        _ => Map::new(),
    };
    let (before, now) = (fields(before), fields(Some(now)));
    now.iter()
        .filter(|(field, value)| before.get(*field) != Some(value))
        .map(|(field, _)| field.clone())
        .collect()
}
