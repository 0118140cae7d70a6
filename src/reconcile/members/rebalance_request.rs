//! The annotation that requests a rebalance.
//!
//! An annotation that a user sets on the resource requests one rebalance and is removed, as by the Python operator. One
//! that stands in a manifest would come back with each sync: it stays, and requests one rebalance for each value.

use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
    core::PartialObjectMeta,
};
use serde_json::{Value, json};

use super::poll_state::{AppState, PollState};
use crate::{
    api::{
        KasprApp,
        annotations::{KUBECTL_LAST_APPLIED, REBALANCE},
    },
    error_chain::describe,
    reconcile::{cache::index::ObjectKey, context::Context},
};

/// Returns the value of a request that was not handled yet. Any value is a request.
pub(super) async fn pending(
    ctx: &Context,
    key: &ObjectKey,
    app: &KasprApp,
    app_state: &AppState,
    state: &mut PollState,
) -> Option<String> {
    let Some(value) = app.annotations().get(REBALANCE) else {
        state.handled_request = None;
        return None;
    };
    if app_state.paused || state.handled_request.as_ref() == Some(value) {
        return None;
    }
    let handled =
        ctx.members.handled_request(key).or_else(|| app_state.status.last_rebalance_request.clone());
    if handled.as_ref() == Some(value) && is_in_manifest(ctx, key, value).await {
        state.handled_request = Some(value.clone());
        return None;
    }
    Some(value.clone())
}

/// Removes the annotation, or remembers the value if it stands in a manifest.
pub(super) async fn finish(ctx: &Context, key: &ObjectKey, value: &str) {
    if is_in_manifest(ctx, key, value).await {
        ctx.members.set_handled_request(key, value);
        ctx.queues.send([key.clone()]);
        return;
    }
    let patch = json!({ "metadata": { "annotations": { REBALANCE: null } } });
    let api: Api<KasprApp> = Api::namespaced(ctx.client.clone(), &key.namespace);
    if let Err(error) = api.patch_metadata(&key.name, &PatchParams::default(), &Patch::Merge(&patch)).await {
        let (app, namespace, error) = (&key.name, &key.namespace, describe(&error));
        tracing::warn!(app, namespace, error, "failed to remove the annotation {REBALANCE}");
    }
}

/// Returns whether the value stands in a manifest. The cache does not contain its managed fields, so the app is read.
async fn is_in_manifest(ctx: &Context, key: &ObjectKey, value: &str) -> bool {
    let api: Api<KasprApp> = Api::namespaced(ctx.client.clone(), &key.namespace);
    let read = api.get_metadata_opt(&key.name).await;
    read.ok().flatten().is_some_and(|app| stands_in_manifest(&app, value))
}

fn stands_in_manifest(app: &PartialObjectMeta<KasprApp>, value: &str) -> bool {
    let last_applied = app.annotations().get(KUBECTL_LAST_APPLIED);
    let manifest: Value = last_applied.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let field = format!("f:{REBALANCE}");
    let is_applied = app.managed_fields().iter().any(|entry| {
        let fields = entry.fields_v1.as_ref();
        entry.operation.as_deref() == Some("Apply")
            && fields.is_some_and(|fields| !fields.0["f:metadata"]["f:annotations"][&field].is_null())
    });
    is_applied || manifest["metadata"]["annotations"][REBALANCE] == value
}
