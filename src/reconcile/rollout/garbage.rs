//! Deletes snapshots of definitions that no pod and no revision needs any more.

use std::collections::BTreeSet;

use kube::{ResourceExt, core::DynamicObject};

use super::{changes::config_maps, revisions};
use crate::{
    naming::SNAPSHOT_LABEL,
    reconcile::{ReconcileError, apply, cache::index::ObjectKey, context::Context, fetch},
    resources::{OwnedKind, OwnedObject},
};

/// Returns whether the StatefulSet controller knows the newest template: before that, its revision does not exist.
fn is_observed(set: &DynamicObject) -> bool {
    set.data["status"]["observedGeneration"].as_i64() == set.metadata.generation
}

/// Deletes the snapshots of an app that nothing needs. Returns what was deleted. `owner` is the UID of the app.
///
/// The revisions are read only if there are other snapshots than last time, or another newest revision.
///
/// # Errors
///
/// The API server failed.
pub(in crate::reconcile) async fn collect(
    ctx: &Context,
    app: &ObjectKey,
    owner: &str,
    desired: &[OwnedObject],
    live: Option<&DynamicObject>,
) -> Result<Vec<String>, ReconcileError> {
    let Some(live) = live.filter(|live| is_observed(live)) else { return Ok(Vec::new()) };
    let mut needed: BTreeSet<String> = desired
        .iter()
        .filter(|object| object.kind == OwnedKind::ConfigMap)
        .map(|object| object.name.clone())
        .collect();
    let set = desired.iter().find(|object| object.kind == OwnedKind::StatefulSet);
    needed.extend(set.iter().flat_map(|set| config_maps(&set.value["spec"]["template"])));
    needed.extend(config_maps(&live.data["spec"]["template"]));
    needed.extend(fetch::member_pods(ctx, app).iter().flat_map(|pod| pod.config_maps.to_vec()));
    let existing = ctx.index().config_maps(app);
    let unneeded: BTreeSet<String> = existing.into_iter().filter(|name| !needed.contains(name)).collect();
    let revision = live.data["status"]["updateRevision"].as_str().unwrap_or_default();
    if unneeded.is_empty() || !ctx.collected.is_new(app, &unneeded, revision) {
        return Ok(Vec::new());
    }
    let templates = revisions::templates(ctx, app).await.inspect_err(|_| ctx.collected.forget(app))?;
    let kept: BTreeSet<String> = templates.iter().flat_map(config_maps).collect();
    let mut deleted = Vec::new();
    for name in unneeded.iter().filter(|name| !kept.contains(*name)) {
        let found = ctx.caches.owned(OwnedKind::ConfigMap, &app.namespace, name);
        if found.is_some_and(|map| map.labels().contains_key(SNAPSHOT_LABEL)) {
            let done = apply::delete_owned(ctx, app, owner, (OwnedKind::ConfigMap, name)).await;
            deleted.extend(done.inspect_err(|_| ctx.collected.forget(app))?);
        }
    }
    Ok(deleted)
}
