//! Terminates members that are stuck in a rebalance.

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Preconditions},
};

use super::hung::HungMember;
use crate::{
    api::KasprApp,
    error_chain::describe,
    naming,
    reconcile::{
        cache::{index::ObjectKey, pod::CachedPod},
        context::Context,
        events,
    },
    resources::environment,
};

/// Seconds that a hung member has to stop.
const GRACE_SECONDS: u32 = 10;

/// Deletes the pod of a hung member, if a live check finds the same pod still hung, and reports it.
pub(crate) async fn terminate_hung_member(ctx: &Context, key: &ObjectKey, app: &KasprApp, hung: &HungMember) {
    let pod = format!("{}-{}", naming::app(&key.name), hung.id);
    let (name, namespace, seconds) = (key.name.as_str(), key.namespace.as_str(), hung.seconds);
    match delete_if_still_hung(ctx, namespace, &pod, app, hung).await {
        Ok(false) => {}
        Ok(true) => {
            ctx.metrics.member_terminated(name, namespace, hung.id, "hung");
            tracing::warn!(app = name, namespace, pod, seconds, "deleted the pod of a hung member");
            let note = format!(
                "Deleted pod {pod}: stuck in a rebalance for {seconds} s ({} consecutive checks)",
                hung.strikes
            );
            events::warning(ctx, app, "HungMemberTerminated", note).await;
        }
        // Deleted or replaced meanwhile.
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
        Err(error) => {
            let error = describe(&error);
            tracing::warn!(app = name, namespace, pod, error, "failed to delete the pod of a hung member");
        }
    }
}

/// Returns whether the pod was deleted.
async fn delete_if_still_hung(
    ctx: &Context,
    namespace: &str,
    name: &str,
    app: &KasprApp,
    hung: &HungMember,
) -> kube::Result<bool> {
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), namespace);
    let Some(live) = api.get_opt(name).await? else { return Ok(false) };
    if live.uid().as_deref() != Some(&hung.uid) || live.metadata.deletion_timestamp.is_some() {
        return Ok(false);
    }
    let Some(address) = CachedPod::from(live).member.and_then(|pod| pod.address) else {
        return Ok(false);
    };
    let answer = ctx.member_client.status(&address, &environment::status_path(app)).await;
    if !answer.is_ok_and(|answer| answer.rebalancing && !answer.recovering) {
        return Ok(false);
    }
    let params = DeleteParams {
        grace_period_seconds: Some(GRACE_SECONDS),
        preconditions: Some(Preconditions { uid: Some(hung.uid.clone()), resource_version: None }),
        ..DeleteParams::default()
    };
    api.delete(name, &params).await.map(|_| true)
}
