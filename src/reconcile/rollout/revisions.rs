//! Reads the revisions of a StatefulSet, which Kubernetes keeps.

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::Value;

use crate::{
    naming,
    reconcile::{ReconcileError, cache::index::ObjectKey, context::Context},
    resources::labels,
};

/// Returns the pod template of a revision of an app; `None` if the revision does not exist.
///
/// # Errors
///
/// The API server failed.
pub(super) async fn template(
    ctx: &Context,
    app: &ObjectKey,
    revision: &str,
) -> Result<Option<Value>, ReconcileError> {
    let api: Api<ControllerRevision> = Api::namespaced(ctx.client.clone(), &app.namespace);
    let found = api.get_opt(revision).await;
    let found =
        found.map_err(ReconcileError::api(format!("failed to read ControllerRevision {revision}")))?;
    let own = found.filter(|revision| is_own(revision, app));
    Ok(own.as_ref().and_then(template_of))
}

/// Returns the pod templates of all revisions of an app.
///
/// # Errors
///
/// The API server failed.
pub(super) async fn templates(ctx: &Context, app: &ObjectKey) -> Result<Vec<Value>, ReconcileError> {
    let selector = labels::to_selector(&labels::selector(&app.name));
    let api: Api<ControllerRevision> = Api::namespaced(ctx.client.clone(), &app.namespace);
    let list = api.list(&ListParams::default().labels(&selector)).await;
    let list = list.map_err(ReconcileError::api("failed to list ControllerRevisions"))?;
    Ok(list.items.iter().filter_map(template_of).collect())
}

fn is_own(revision: &ControllerRevision, app: &ObjectKey) -> bool {
    let set = naming::app(&app.name);
    revision.owner_references().iter().any(|owner| owner.kind == "StatefulSet" && owner.name == set)
}

/// Returns the pod template of a revision. The data of a revision is a patch, whose directive is not part of the
/// template.
#[must_use]
pub fn template_of(revision: &ControllerRevision) -> Option<Value> {
    let mut template = revision.data.as_ref()?.0.pointer("/spec/template")?.clone();
    template.as_object_mut()?.remove("$patch");
    Some(template)
}
