//! The only place that writes objects: server-side apply of the fields that the operator owns, where
//! they differ.

use std::time::Instant;

use futures::{StreamExt, stream};
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    core::DynamicObject,
};
use serde_json::json;

use super::{
    ReconcileError, cache::index::ObjectKey, client::owned_api, context::Context, managed_fields,
    state::applied::ObjectId,
};
use crate::{
    naming::MANAGER,
    resources::{OwnedKind, OwnedObject},
};

/// How many objects of an app are applied concurrently.
const CONCURRENCY: usize = 8;

/// Applies the objects: all others first, concurrently, and then the StatefulSet, whose pods mount and
/// refer to them.
///
/// Returns what changed, for the event: `StatefulSet clicks-app`.
///
/// # Errors
///
/// The first error; the other objects of its stage are applied all the same.
pub(super) async fn apply(
    ctx: &Context,
    owner: &ObjectKey,
    objects: &[OwnedObject],
) -> Result<Vec<String>, ReconcileError> {
    let (last, first): (Vec<_>, Vec<_>) =
        objects.iter().partition(|object| object.kind == OwnedKind::StatefulSet);
    let mut changed = Vec::new();
    for stage in [first, last] {
        let writes: Vec<_> = stage.into_iter().map(|object| apply_one(ctx, owner, object)).collect();
        let applied: Vec<_> = stream::iter(writes).buffered(CONCURRENCY).collect().await;
        for written in applied {
            changed.extend(written?);
        }
    }
    Ok(changed)
}

/// Applies an object, unless it is current. Returns its name if that changed anything.
async fn apply_one(
    ctx: &Context,
    owner: &ObjectKey,
    object: &OwnedObject,
) -> Result<Option<String>, ReconcileError> {
    let namespace = owner.namespace.as_str();
    let id = (object.kind, namespace.to_owned(), object.name.clone());
    let live = ctx.caches.owned(object.kind, namespace, &object.name);
    if ctx.applied.is_current(&id, object, live.as_ref()) {
        return Ok(None);
    }
    let drifted = ctx.applied.drifted_fields(&id, object, live.as_ref());
    let resource = (object.metric_label(), object.name.as_str());
    for field in &drifted {
        ctx.queues.with_labels(owner, |labels| ctx.metrics.drift_detected(labels, resource, field));
    }
    let operation = if live.is_none() { "create" } else { "patch" };
    let begun = Instant::now();
    let written = write(ctx, id, object, live.as_ref()).await;
    let error = written.as_ref().err().map(ReconcileError::metric_label);
    ctx.queues.with_labels(owner, |labels| {
        ctx.metrics.resource_synced(labels, resource, operation, begun.elapsed(), error);
    });
    let changed = written?;
    let what = format!("{} {}", object.kind, object.name);
    let owner = owner.name.as_str();
    let drifted = drifted.join(",");
    tracing::info!(object = what, namespace, owner, operation, changed, drifted, "applied");
    Ok(changed.then_some(what))
}

/// Writes an object. Returns whether that changed anything.
async fn write(
    ctx: &Context,
    id: ObjectId,
    object: &OwnedObject,
    live: Option<&DynamicObject>,
) -> Result<bool, ReconcileError> {
    let (kind, namespace, name) = (object.kind, id.1.clone(), &object.name);
    let api = owned_api(ctx.client.clone(), kind, &namespace);
    let params = PatchParams::apply(MANAGER).force();
    let desired = Patch::Apply(&object.value);
    let send = || api.patch(name, &params, &desired);
    let failed = || ReconcileError::api(format!("failed to apply {kind} {name}"));
    let mut answer = send().await.map_err(failed())?;
    let managed = answer.managed_fields();
    let merged = managed_fields::take_over_python_fields(managed, None)
        .or_else(|| managed_fields::release_recreate_fields(managed));
    if let Some(fields) = merged {
        let patch = json!({
            "metadata": { "managedFields": fields, "resourceVersion": answer.resource_version() },
        });
        api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .map_err(ReconcileError::api(format!("failed to take over the fields of {kind} {name}")))?;
        // Fields that only the other manager set are removed now.
        answer = send().await.map_err(failed())?;
    }
    let changed = live.as_ref().is_none_or(|live| live.resource_version() != answer.resource_version());
    let cached = || ctx.caches.serialized(kind, &namespace, name);
    ctx.applied.record(id, object, &answer, changed, cached)?;
    Ok(changed)
}

/// Deletes an object that is no longer desired, if it exists and `owner`, a UID, controls it. Returns
/// what was deleted, for the event.
///
/// # Errors
///
/// The API server refused the deletion or could not be reached.
pub(super) async fn delete_owned(
    ctx: &Context,
    owner: &str,
    kind: OwnedKind,
    namespace: &str,
    name: &str,
) -> Result<Option<String>, ReconcileError> {
    let Some(live) = ctx.caches.owned(kind, namespace, name) else { return Ok(None) };
    let controlled = live.owner_references().iter().any(|o| o.controller == Some(true) && o.uid == owner);
    if !controlled || live.metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    let params = DeleteParams {
        preconditions: Some(Preconditions { uid: live.uid(), resource_version: None }),
        ..DeleteParams::background()
    };
    let what = format!("{kind} {name}");
    match owned_api(ctx.client.clone(), kind, namespace).delete(name, &params).await {
        Ok(_) => {
            tracing::info!(object = what, namespace, "deleted an object that is no longer desired");
            Ok(Some(what))
        }
        // Another client deleted it first.
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(ReconcileError::api(format!("failed to delete {what}"))(error)),
    }
}
