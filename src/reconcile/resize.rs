//! Resizes the members' claims.
//!
//! The claim template of a StatefulSet is immutable, so the claims are grown, the StatefulSet is deleted
//! with its pods left running, and recreated around them. The operator may restart after each step: the
//! next reconcile finds what is left to do.

use std::time::Duration;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
    core::DynamicObject,
    runtime::{conditions::is_deleted, wait::await_condition},
};
use serde_json::{Value, json};

use super::{
    ReconcileError, apply::Refusal, cache::index::ObjectKey, client::owned_api, context::Context, fetch,
    managed_fields::RECREATE_MANAGER,
};
use crate::{
    api::annotations::{APPLIED_HASH, RESOURCE_HASH},
    naming::COMPONENT_LABEL,
    resources::{
        CLAIM_SIZE, CLAIM_TEMPLATES, OwnedObject, claim_template_size,
        labels::{self, Labels},
    },
    validate::quantity,
};

/// What preparing a resize led to.
#[derive(Debug, Default)]
pub(super) struct Resized {
    /// What was done, for the event.
    pub done: Vec<String>,
    /// The claim that cannot grow. The StatefulSet then keeps the size of its claims.
    pub refused: Option<Refusal>,
}

/// Value of the hashes of a StatefulSet that was recreated and not applied yet.
const RECREATED: &str = "recreated";

/// A change of the claim templates, which are immutable.
#[derive(Debug, Eq, PartialEq)]
enum ClaimChange<'a> {
    /// The size grows.
    Grow { from: &'a str, to: &'a str },
    /// Tables move from claims to the pods, as the user requested.
    Drop,
}

/// Prepares the recreation of a StatefulSet whose claim templates must change: grows the claims, where the
/// size changes, and deletes the StatefulSet without its pods. Claims are never deleted here.
///
/// `roll_requested` is whether the user requested the current template: only then, tables leave their claims.
/// If the API server refuses to grow a claim, everything stays as it is.
///
/// # Errors
///
/// The API server failed, or the old StatefulSet still exists after the timeout.
pub(super) async fn prepare_resize(
    ctx: &Context,
    namespace: &str,
    selector: &Labels,
    desired: &OwnedObject,
    live: Option<&DynamicObject>,
    roll_requested: bool,
) -> Result<Resized, ReconcileError> {
    let Some(live) = live else { return Ok(Resized::default()) };
    if live.metadata.deletion_timestamp.is_some() {
        return Err(ReconcileError::Waiting(format!("the deletion of StatefulSet {}", desired.name)));
    }
    let Some(change) = claim_change(&desired.value, &live.data, roll_requested) else {
        return Ok(Resized::default());
    };
    let (resized, what) = match change {
        ClaimChange::Grow { from, to } => {
            (grow_claims(ctx, namespace, selector, to).await?, format!("storage {from} to {to}"))
        }
        ClaimChange::Drop => (Resized::default(), "tables move from claims to the pods".to_owned()),
    };
    if resized.refused.is_some() {
        return Ok(resized);
    }
    delete_without_pods(ctx, namespace, desired, live, &what).await?;
    let done = [resized.done, vec![format!("StatefulSet {} ({what})", desired.name)]].concat();
    Ok(Resized { done, refused: None })
}

/// Returns how the claim templates of the live StatefulSet must change, if they must.
fn claim_change<'a>(desired: &'a Value, live: &'a Value, roll_requested: bool) -> Option<ClaimChange<'a>> {
    let has_claims =
        |set: &Value| set.pointer(CLAIM_TEMPLATES).and_then(Value::as_array).is_some_and(|c| !c.is_empty());
    if roll_requested && has_claims(live) && !has_claims(desired) {
        return Some(ClaimChange::Drop);
    }
    let (from, to) = (claim_template_size(live)?, claim_template_size(desired)?);
    (quantity(to) > quantity(from)).then_some(ClaimChange::Grow { from, to })
}

async fn delete_without_pods(
    ctx: &Context,
    namespace: &str,
    desired: &OwnedObject,
    live: &DynamicObject,
    what: &str,
) -> Result<(), ReconcileError> {
    let name = &desired.name;
    let api = owned_api(ctx.client.clone(), desired.kind, namespace);
    let uid = live.uid().unwrap_or_default();
    let params = DeleteParams {
        preconditions: Some(Preconditions { uid: Some(uid.clone()), resource_version: None }),
        propagation_policy: Some(PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    match api.delete(name, &params).await {
        Ok(_) => {
            tracing::info!(object = name, namespace, what, "recreating the StatefulSet around its pods");
        }
        // Deleted or replaced meanwhile: the next step checks again.
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
        Err(error) => {
            return Err(ReconcileError::api(format!("failed to delete StatefulSet {name}"))(error));
        }
    }
    let timeout = Duration::from_secs(ctx.settings.statefulset_deletion_timeout_seconds);
    // The garbage collector releases the pods before it deletes the StatefulSet; one created earlier would
    // be deleted with it.
    let gone = tokio::time::timeout(timeout, await_condition(api, name, is_deleted(&uid))).await;
    if !matches!(gone, Ok(Ok(_))) {
        return Err(ReconcileError::Waiting(format!("the deletion of StatefulSet {name}")));
    }
    ctx.applied.forget(desired.kind, namespace, name);
    Ok(())
}

/// Grows the members' claims that are smaller, until the API server refuses one.
async fn grow_claims(
    ctx: &Context,
    namespace: &str,
    selector: &Labels,
    wanted: &str,
) -> Result<Resized, ReconcileError> {
    let api: Api<PersistentVolumeClaim> = Api::namespaced(ctx.client.clone(), namespace);
    let claims = api
        .list(&list_params(selector))
        .await
        .map_err(ReconcileError::api("failed to list the members' claims"))?;
    let mut resized = Resized::default();
    for claim in claims {
        let name = claim.name_any();
        let value = serde_json::to_value(&claim)?;
        let current = value.pointer(CLAIM_SIZE).and_then(Value::as_str);
        // The packages claim has the same labels and a size of its own.
        let of_member = !claim.labels().contains_key(COMPONENT_LABEL);
        let Some(current) = current.filter(|current| of_member && quantity(current) < quantity(wanted))
        else {
            continue;
        };
        let patch = json!({ "spec": { "resources": { "requests": { "storage": wanted } } } });
        if let Err(error) = api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await {
            let class = value.pointer("/spec/storageClassName").and_then(Value::as_str).unwrap_or("unset");
            let what = format!(
                "failed to grow PersistentVolumeClaim {name} of StorageClass {class} from {current} to {wanted}"
            );
            let error = ReconcileError::api(what)(error);
            if !error.is_refusal() {
                return Err(error);
            }
            resized.refused = Some(Refusal::new(None, &error));
            return Ok(resized);
        }
        tracing::info!(object = name, namespace, from = current, to = wanted, "grew a claim");
        resized.done.push(format!("PersistentVolumeClaim {name}"));
    }
    Ok(resized)
}

/// Creates a StatefulSet around running pods, with as many replicas as there are pods: otherwise they
/// would be scaled down to one. Without pods, a StatefulSet that starts with one member needs no such
/// help.
///
/// # Errors
///
/// The API server refused the creation or could not be reached.
pub(super) async fn recreate_around_pods(
    ctx: &Context,
    app: &ObjectKey,
    desired: &OwnedObject,
    first: i32,
) -> Result<(), ReconcileError> {
    let namespace = app.namespace.as_str();
    let pods = fetch::member_pods(ctx, app);
    let highest = pods.iter().filter(|pod| !pod.terminating).map(|pod| pod.ordinal).max();
    let members = highest.map_or(first, |highest| highest + 1);
    if highest.is_none() && members <= 1 {
        return Ok(());
    }
    let mut set = desired.value.clone();
    // The object must differ from the desired one: the next apply then takes the fields over from this manager,
    // also after a restart of the operator.
    for hash in [APPLIED_HASH, RESOURCE_HASH] {
        set["metadata"]["annotations"][hash] = json!(RECREATED);
    }
    if set["spec"]["replicas"].is_null() {
        set["spec"]["replicas"] = json!(members);
    }
    let params = PostParams { field_manager: Some(RECREATE_MANAGER.to_owned()), ..PostParams::default() };
    let set: DynamicObject = serde_json::from_value(set)?;
    match owned_api(ctx.client.clone(), desired.kind, namespace).create(&params, &set).await {
        Ok(_) => Ok(()),
        // The cache lagged behind: it exists.
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => {
            Err(ReconcileError::api(format!("failed to recreate StatefulSet {}", desired.name))(error))
        }
    }
}

/// Starts a stopped app with several members at once; the autoscaler adds the others.
///
/// # Errors
///
/// The API server refused the write or could not be reached.
pub(super) async fn scale_from_zero(
    ctx: &Context,
    namespace: &str,
    desired: &OwnedObject,
    first: i32,
) -> Result<(), ReconcileError> {
    let params = PatchParams { field_manager: Some(RECREATE_MANAGER.to_owned()), ..PatchParams::default() };
    let patch = json!({ "spec": { "replicas": first } });
    let api = owned_api(ctx.client.clone(), desired.kind, namespace);
    let started = api.patch(&desired.name, &params, &Patch::Merge(&patch)).await;
    started.map(drop).map_err(ReconcileError::api(format!("failed to scale up StatefulSet {}", desired.name)))
}

fn list_params(labels: &Labels) -> ListParams {
    ListParams::default().labels(&labels::to_selector(labels))
}
