//! Growing the members' claims.
//!
//! A StatefulSet's claim template can't be changed, so the claims are grown, the StatefulSet is
//! deleted with its pods left running, and made again around them. Each step can be the last one
//! before a restart of the operator: the next reconcile finds what is left to do.

use std::time::Duration;

use k8s_openapi::{
    api::core::v1::PersistentVolumeClaim, apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
    core::DynamicObject,
    runtime::{conditions::is_deleted, wait::await_condition},
};
use serde_json::{Value, json};

use super::{Error, apply, context::Context, links::Key};
use crate::{
    build::{
        Object,
        labels::{COMPONENT_LABEL, Labels},
    },
    validate::quantity,
};

/// Who owns the number of members of a StatefulSet that was made around running pods. Were it the
/// operator's usual name, its next apply, which leaves the number to the autoscaler, would take it
/// back to one.
const RECREATOR: &str = "kaspr-operator-recreate";

/// Where a StatefulSet has its claim templates.
const TEMPLATES: &str = "/spec/volumeClaimTemplates";

/// Where a claim has its size.
const SIZE: &str = "/spec/resources/requests/storage";

/// Makes way for the desired StatefulSet: grows claims that are too small and, if the live
/// StatefulSet's template is another size, takes that off its pods.
///
/// Gives what was done, for the event.
pub async fn make_way(
    ctx: &Context,
    namespace: &str,
    selector: &Labels,
    desired: &Object,
    live: Option<&DynamicObject>,
) -> Result<Vec<String>, Error> {
    let Some(live) = live else { return Ok(Vec::new()) };
    if live.metadata.deletion_timestamp.is_some() {
        return Err(Error::Waiting(format!("the old StatefulSet {} to be gone", desired.name)));
    }
    let (Some(wanted), Some(is)) = (size(&desired.value), size(&live.data)) else { return Ok(Vec::new()) };
    if quantity(wanted) <= quantity(is) {
        return Ok(Vec::new());
    }
    let mut done = grow(ctx, namespace, selector, wanted).await?;
    let api = apply::api(ctx.client.clone(), desired.kind, namespace);
    let uid = live.uid().unwrap_or_default();
    let params = DeleteParams {
        preconditions: Some(Preconditions { uid: Some(uid.clone()), resource_version: None }),
        propagation_policy: Some(PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    match api.delete(&desired.name, &params).await {
        Ok(_) => tracing::info!(
            object = desired.name,
            namespace,
            from = is,
            to = wanted,
            "making the StatefulSet again around its pods"
        ),
        // Gone, or another one already: the next step looks again.
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
        Err(error) => return Err(Error::api(format!("can't delete StatefulSet {}", desired.name))(error)),
    }
    let patience = Duration::from_secs(ctx.settings.statefulset_deletion_timeout_seconds);
    // Its pods are let go before it is gone; what is made before that would be deleted with it.
    let gone = tokio::time::timeout(patience, await_condition(api, &desired.name, is_deleted(&uid))).await;
    if !matches!(gone, Ok(Ok(_))) {
        return Err(Error::Waiting(format!("the old StatefulSet {} to be gone", desired.name)));
    }
    ctx.applied.gone(desired.kind, namespace, &desired.name);
    done.push(format!("StatefulSet {} (storage {is} to {wanted})", desired.name));
    Ok(done)
}

/// Grows the members' claims that are smaller.
async fn grow(ctx: &Context, namespace: &str, selector: &Labels, wanted: &str) -> Result<Vec<String>, Error> {
    let api: Api<PersistentVolumeClaim> = Api::namespaced(ctx.client.clone(), namespace);
    let claims = api.list(&selected(selector)).await.map_err(Error::api("can't list the members' claims"))?;
    let mut grown = Vec::new();
    for claim in claims {
        let name = claim.name_any();
        let value = serde_json::to_value(&claim)?;
        let is = value.pointer(SIZE).and_then(Value::as_str);
        // The packages claim has the same labels and a size of its own.
        let of_member = !claim.labels().contains_key(COMPONENT_LABEL);
        if of_member && is.is_some_and(|is| quantity(is) < quantity(wanted)) {
            let patch = json!({ "spec": { "resources": { "requests": { "storage": wanted } } } });
            api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch))
                .await
                .map_err(Error::api(format!("can't grow PersistentVolumeClaim {name}")))?;
            tracing::info!(object = name, namespace, from = is, to = wanted, "grew a claim");
            grown.push(format!("PersistentVolumeClaim {name}"));
        }
    }
    Ok(grown)
}

/// Makes a StatefulSet around pods that have none: with as many members as there are, or they would
/// be scaled down to one. Where there are none, a StatefulSet that starts with one member needs no
/// such help.
pub async fn adopt(ctx: &Context, app: &Key, desired: &Object, first: i32) -> Result<(), Error> {
    let namespace = app.namespace.as_str();
    let pods = ctx.member_pods(app);
    let highest = pods.iter().filter(|pod| !pod.ending).map(|pod| pod.ordinal).max();
    let members = highest.map_or(first, |highest| highest + 1);
    if highest.is_none() && members <= 1 {
        return Ok(());
    }
    let mut set = desired.value.clone();
    if set["spec"]["replicas"].is_null() {
        set["spec"]["replicas"] = json!(members);
    }
    let params = PostParams { field_manager: Some(RECREATOR.to_owned()), ..PostParams::default() };
    let set: DynamicObject = serde_json::from_value(set)?;
    match apply::api(ctx.client.clone(), desired.kind, namespace).create(&params, &set).await {
        Ok(_) => Ok(()),
        // The cache was behind: it is there.
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => Err(Error::api(format!("can't make StatefulSet {} again", desired.name))(error)),
    }
}

/// The managed fields of a StatefulSet that was made here, with all but the number of members given
/// up, if there is more: what is applied in its place owns the rest, and a field that two managers own
/// would stay when it is left out.
pub fn give_up(managed: &[ManagedFieldsEntry]) -> Option<Vec<ManagedFieldsEntry>> {
    let number = json!({ "f:spec": { "f:replicas": {} } });
    let mut kept = managed.to_vec();
    let ours = kept.iter_mut().filter(|entry| entry.manager.as_deref() == Some(RECREATOR));
    let mut fields = ours.filter_map(|entry| entry.fields_v1.as_mut());
    let all = fields.find(|fields| fields.0 != number)?;
    all.0 = number;
    Some(kept)
}

/// Starts a stopped app with several members at once; the autoscaler adds the others.
pub async fn start(ctx: &Context, namespace: &str, desired: &Object, first: i32) -> Result<(), Error> {
    let params = PatchParams { field_manager: Some(RECREATOR.to_owned()), ..PatchParams::default() };
    let patch = json!({ "spec": { "replicas": first } });
    let api = apply::api(ctx.client.clone(), desired.kind, namespace);
    let started = api.patch(&desired.name, &params, &Patch::Merge(&patch)).await;
    started.map(drop).map_err(Error::api(format!("can't start StatefulSet {}", desired.name)))
}

fn selected(labels: &Labels) -> ListParams {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    ListParams::default().labels(&pairs.join(","))
}

/// The size in a StatefulSet's claim template.
fn size(set: &Value) -> Option<&str> {
    set.pointer(TEMPLATES)?.as_array()?.first()?.pointer(SIZE)?.as_str()
}
