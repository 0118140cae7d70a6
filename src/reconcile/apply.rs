//! The only place that writes objects: server-side apply of the fields that the operator owns, where
//! they differ.

use std::time::Instant;

use futures::{StreamExt, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    core::DynamicObject,
};

use super::{
    ReconcileError, cache::index::ObjectKey, client::owned_api, context::Context, field_takeover,
    managed_fields, ownership, state::applied::ObjectId,
};
use crate::{
    api::annotations::APPLIED_HASH,
    error_chain::describe,
    naming::MANAGER,
    resources::{OwnedKind, OwnedObject},
};

/// How many objects of an app are applied concurrently.
const CONCURRENCY: usize = 8;

/// What applying objects led to.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// What changed, for the event: `StatefulSet clicks-app`.
    pub changed: Vec<String>,
    /// The objects that the API server refused, or that others made. The others were applied all the same.
    pub refused: Vec<Refusal>,
}

/// An object that could not be applied until a person changes something.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// The resource that the object is made for.
    pub owner: Option<ObjectKey>,
    /// Why, and what to do.
    pub message: String,
    /// The value of the metric label `error_type`.
    pub error_type: &'static str,
    /// Whether pods of the new template could not start without the object.
    pub blocks_pods: bool,
}

impl Refusal {
    /// Describes an error that is a refusal. `owner` is the resource that the object is made for.
    pub(super) fn new(owner: Option<ObjectKey>, error: &ReconcileError) -> Self {
        Self { owner, message: describe(error), error_type: error.metric_label(), blocks_pods: false }
    }
}

/// Joins why objects were refused.
pub(super) fn messages(refused: &[Refusal]) -> String {
    refused.iter().map(|refusal| refusal.message.as_str()).collect::<Vec<_>>().join("; ")
}

/// Applies the objects: all others first, concurrently, and then the StatefulSet, whose pods mount and
/// refer to them. If a definition that they mount was refused, the StatefulSet stays as it is.
///
/// # Errors
///
/// The first error that is no refusal; the other objects of its stage are applied all the same.
pub(super) async fn apply(
    ctx: &Context,
    owner: &ObjectKey,
    objects: &[OwnedObject],
) -> Result<Applied, ReconcileError> {
    let (last, first): (Vec<_>, Vec<_>) =
        objects.iter().partition(|object| object.kind == OwnedKind::StatefulSet);
    let mut all = Applied::default();
    for stage in [first, last] {
        if all.refused.iter().any(|refusal| refusal.blocks_pods) {
            break;
        }
        let writes: Vec<_> = stage.iter().map(|object| apply_one(ctx, owner, object)).collect();
        let results: Vec<_> = stream::iter(writes).buffered(CONCURRENCY).collect().await;
        for (object, result) in stage.iter().zip(results) {
            match result {
                Ok(changed) => all.changed.extend(changed),
                Err(error) if error.is_refusal() => {
                    let blocks_pods = object.is_immutable();
                    all.refused.push(Refusal { blocks_pods, ..Refusal::new(owner_of(object), &error) });
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(all)
}

fn owner_of(object: &OwnedObject) -> Option<ObjectKey> {
    let metadata = serde_json::from_value(object.value["metadata"].clone()).ok()?;
    ObjectKey::controller(&metadata)
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
    if ctx.applied.is_current(&id, object, live.as_ref()) || (object.is_immutable() && live.is_some()) {
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
    let error = written.as_ref().err().map(ReconcileError::object_label);
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
    match live {
        Some(live) => ownership::check(live, object)?,
        // The caches contain only objects with the operator's label.
        None => {
            let found = api.get_opt(name).await;
            if let Some(found) =
                found.map_err(ReconcileError::api(format!("failed to read {kind} {name}")))?
            {
                ownership::check(&found, object)?;
            }
        }
    }
    // Only another client can have changed an object that was written from the same desired state.
    let changed_by_others =
        |live: &DynamicObject| live.annotations().get(APPLIED_HASH).is_some_and(|hash| hash == object.hash());
    let changed_items = |managed: &[_]| managed_fields::take_over_list_items(managed, &object.value);
    if live.is_some_and(changed_by_others) {
        take_over(&api, object, changed_items).await?;
    }
    let mut answer = match send(&api, object).await {
        Err(error) if error.is_refusal() && take_over(&api, object, changed_items).await? => {
            send(&api, object).await?
        }
        answer => answer?,
    };
    if take_over_earlier_managers(answer.managed_fields()).is_some()
        && take_over(&api, object, take_over_earlier_managers).await?
    {
        // Fields that only the other manager set are removed now.
        answer = send(&api, object).await?;
    }
    let changed = live.as_ref().is_none_or(|live| live.resource_version() != answer.resource_version());
    let cached = || ctx.caches.serialized(kind, &namespace, name);
    ctx.applied.record(id, object, &answer, changed, cached)?;
    Ok(changed)
}

async fn send(api: &Api<DynamicObject>, object: &OwnedObject) -> Result<DynamicObject, ReconcileError> {
    let OwnedObject { kind, name, value } = object;
    let params = PatchParams::apply(MANAGER).force();
    let answer = api.patch(name, &params, &Patch::Apply(value)).await;
    answer.map_err(ReconcileError::api(format!("failed to apply {kind} {name}")))
}

fn take_over_earlier_managers(managed: &[ManagedFieldsEntry]) -> Option<Vec<ManagedFieldsEntry>> {
    managed_fields::take_over_python_fields(managed, None)
        .or_else(|| managed_fields::release_recreate_fields(managed))
}

/// Reads an object and edits its managed fields. Returns whether that changed any.
async fn take_over(
    api: &Api<DynamicObject>,
    OwnedObject { kind, name, .. }: &OwnedObject,
    edit: impl Fn(&[ManagedFieldsEntry]) -> Option<Vec<ManagedFieldsEntry>>,
) -> Result<bool, ReconcileError> {
    let taken = field_takeover::take_over(api, name, edit).await;
    taken.map_err(ReconcileError::api(format!("failed to take over the fields of {kind} {name}")))
}

/// Deletes an object that is no longer desired, if it exists and `owner`, whose UID is `uid`, controls it. Returns
/// what was deleted, for the event.
///
/// # Errors
///
/// The API server refused the deletion or could not be reached.
pub(super) async fn delete_owned(
    ctx: &Context,
    owner: &ObjectKey,
    uid: &str,
    (kind, name): (OwnedKind, &str),
) -> Result<Option<String>, ReconcileError> {
    let namespace = owner.namespace.as_str();
    let Some(live) = ctx.caches.owned(kind, namespace, name) else { return Ok(None) };
    let controlled = live.owner_references().iter().any(|o| o.controller == Some(true) && o.uid == uid);
    if !controlled || live.metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    let params = DeleteParams {
        preconditions: Some(Preconditions { uid: live.uid(), resource_version: None }),
        ..DeleteParams::background()
    };
    let what = format!("{kind} {name}");
    let begun = Instant::now();
    let deleted = match owned_api(ctx.client.clone(), kind, namespace).delete(name, &params).await {
        Ok(_) => Ok(true),
        // Another client deleted it first.
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(false),
        Err(error) => Err(ReconcileError::api(format!("failed to delete {what}"))(error)),
    };
    ctx.queues.with_labels(owner, |labels| {
        let error = deleted.as_ref().err().map(ReconcileError::object_label);
        ctx.metrics.resource_synced(labels, (kind.metric_label(), name), "delete", begun.elapsed(), error);
    });
    if !deleted? {
        return Ok(None);
    }
    tracing::info!(object = what, namespace, "deleted an object that is no longer desired");
    Ok(Some(what))
}
