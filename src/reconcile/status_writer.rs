//! Writes the status of resources, where it differs.

use std::fmt::Debug;

use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::{NamespaceResourceScope, object::HasStatus},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{
    ReconcileError, cache::index::ObjectKey, context::Context, field_takeover::take_over,
    managed_fields::take_over_python_fields, state::assumed_status::Assumed,
};
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
    let params = PatchParams::apply(MANAGER).force();
    match api.patch_status(&key.name, &params, &Patch::Apply(&patch)).await {
        Ok(written) => {
            take_over_status(&api, key, &written, &patch).await?;
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

/// Takes over the fields of the status that the Python operator owns, so that those that this operator does not
/// set are removed. `written` is the resource after the first write, `patch` what was applied.
async fn take_over_status<K>(
    api: &Api<K>,
    key: &ObjectKey,
    written: &K,
    patch: &Value,
) -> Result<(), ReconcileError>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let failed =
        || ReconcileError::api(format!("failed to take over the status of {} {}", key.kind, key.name));
    let edit = |managed: &[_]| take_over_python_fields(managed, Some("status"));
    if edit(written.managed_fields()).is_none() {
        return Ok(());
    }
    if take_over(api, &key.name, edit).await.map_err(failed())? {
        // Removes the fields that only the Python operator set.
        let params = PatchParams::apply(MANAGER).force();
        api.patch_status(&key.name, &params, &Patch::Apply(patch)).await.map_err(failed())?;
    }
    Ok(())
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
