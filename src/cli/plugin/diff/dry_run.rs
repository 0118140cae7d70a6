//! Dry runs of the requests that `kubectl apply` and the operator would send.

use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
    core::DynamicObject,
};
use serde_json::{Map, Value, json};

use crate::{
    api::{
        KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView, Kind,
        annotations::KUBECTL_LAST_APPLIED,
    },
    cli::plugin::{cluster::Cluster, error::CliError},
    naming::MANAGER,
    resources::{CLAIM_SIZE, CLAIM_TEMPLATES, OwnedKind, OwnedObject, claim_template_size},
    validate::quantity,
};

/// A resource before and after its file is applied.
pub(super) struct DryRunResult {
    /// Current resource; `None` if the resource does not exist yet.
    pub before: Option<Value>,
    /// Resource after the change, with the defaults of the webhook.
    pub after: Value,
}

/// Applies a resource from a file like `kubectl apply`, in a dry run.
///
/// # Errors
///
/// The API server or a webhook rejects the resource.
pub(super) async fn apply_manifest(
    cluster: &Cluster,
    kind: Kind,
    manifest: &Value,
) -> Result<DryRunResult, CliError> {
    let text = |field: &str| manifest["metadata"][field].as_str().unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    let what = || format!("apply {kind} {namespace}/{name}");
    if name.is_empty() {
        return Err(CliError::Refused { what: what(), why: "metadata.name is missing".to_owned() });
    }
    let api = resource_api(cluster, kind, namespace);
    let read =
        api.get_opt(name).await.map_err(cluster.request_error(format!("read {kind} {namespace}/{name}")))?;
    let Some(live) = read else {
        let object: DynamicObject = serde_json::from_value(manifest.clone())
            .map_err(|error| CliError::Refused { what: what(), why: error.to_string() })?;
        let params = PostParams { dry_run: true, ..PostParams::default() };
        let created = api.create(&params, &object).await.map_err(cluster.request_error(what()))?;
        return Ok(DryRunResult { before: None, after: json!(created) });
    };
    let before = json!(live);
    let original = before["metadata"]["annotations"][KUBECTL_LAST_APPLIED].as_str();
    let original = original.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    let patch = Patch::Merge(three_way_patch(&original, &before, manifest));
    let params = PatchParams { dry_run: true, ..PatchParams::default() };
    let after = api.patch(name, &params, &patch).await.map_err(cluster.request_error(what()))?;
    Ok(DryRunResult { before: Some(before), after: json!(after) })
}

fn resource_api(cluster: &Cluster, kind: Kind, namespace: &str) -> Api<DynamicObject> {
    let namespace = Some(namespace);
    match kind {
        Kind::App => cluster.api::<KasprApp>(namespace),
        Kind::Agent => cluster.api::<KasprAgent>(namespace),
        Kind::Table => cluster.api::<KasprTable>(namespace),
        Kind::Task => cluster.api::<KasprTask>(namespace),
        Kind::WebView => cluster.api::<KasprWebView>(namespace),
        Kind::Join => cluster.api::<KasprJoin>(namespace),
    }
}

/// Returns the merge patch of `kubectl apply`: sets the fields of the manifest, deletes the fields that
/// only the previously applied manifest has, and keeps the fields of other clients.
fn three_way_patch(original: &Value, live: &Value, manifest: &Value) -> Value {
    let mut patch = changes(live, manifest);
    let mut with_annotations = manifest.clone();
    // kubectl adds an annotation to each object that it applies, and records an empty block if the
    // manifest has none. A manifest without annotations must not delete the annotations of other clients.
    if let Some(metadata) = with_annotations["metadata"].as_object_mut() {
        metadata.entry("annotations").or_insert_with(|| json!({}));
    }
    merge(&mut patch, deletions(original, &with_annotations));
    Value::Object(patch)
}

fn changes(live: &Value, manifest: &Value) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, desired) in manifest.as_object().into_iter().flatten() {
        match (live.get(key), desired) {
            (Some(current), _) if current == desired => {}
            (Some(current @ Value::Object(_)), Value::Object(_)) => {
                let nested = changes(current, desired);
                if !nested.is_empty() {
                    patch.insert(key.clone(), Value::Object(nested));
                }
            }
            // In a merge patch, null would delete the values of other clients.
            (_, Value::Null) => {}
            _ => _ = patch.insert(key.clone(), desired.clone()),
        }
    }
    patch
}

fn deletions(original: &Value, manifest: &Value) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, previous) in original.as_object().into_iter().flatten() {
        match manifest.get(key) {
            None => _ = patch.insert(key.clone(), Value::Null),
            Some(desired) => {
                let nested = deletions(previous, desired);
                if desired.is_object() && !nested.is_empty() {
                    patch.insert(key.clone(), Value::Object(nested));
                }
            }
        }
    }
    patch
}

fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from),
            (_, value) => _ = into.insert(key, value),
        }
    }
}

/// Applies an object like the operator, in a dry run.
///
/// # Errors
///
/// The API server rejects the object, as it would reject the operator's request.
pub(super) async fn apply_object(
    cluster: &Cluster,
    namespace: &str,
    object: &OwnedObject,
    live: Option<&DynamicObject>,
) -> Result<Value, CliError> {
    let (sent, size) = with_current_claims(object, live);
    let api =
        Api::<DynamicObject>::namespaced_with(cluster.client.clone(), namespace, &object.kind.api_resource());
    let params = PatchParams { dry_run: true, ..PatchParams::apply(MANAGER).force() };
    let what = format!("apply {} {namespace}/{} as the operator would", object.kind, object.name);
    let applied =
        api.patch(&object.name, &params, &Patch::Apply(&sent)).await.map_err(cluster.request_error(what))?;
    let mut applied = json!(applied);
    if let Some(size) = size
        && let Some(field) = applied.pointer_mut(&format!("{CLAIM_TEMPLATES}/0{CLAIM_SIZE}"))
    {
        *field = size.into();
    }
    Ok(applied)
}

/// Returns the object to apply, and the size of the claims to set in the result.
///
/// The operator recreates a StatefulSet whose claims grow around its pods. A dry run cannot show this, so
/// the object keeps the current claim templates.
fn with_current_claims(object: &OwnedObject, live: Option<&DynamicObject>) -> (Value, Option<String>) {
    let mut sent = object.value.clone();
    let current = live.and_then(|live| live.data.pointer(CLAIM_TEMPLATES)).cloned();
    let grows = object.kind == OwnedKind::StatefulSet && claims_grow(object, live);
    let size = claim_template_size(&sent).map(str::to_owned);
    if grows && let (Some(current), Some(templates)) = (current, sent.pointer_mut(CLAIM_TEMPLATES)) {
        *templates = current;
        return (sent, size);
    }
    (sent, None)
}

/// Returns whether the claims of a StatefulSet grow.
#[must_use]
pub(super) fn claims_grow(object: &OwnedObject, live: Option<&DynamicObject>) -> bool {
    let current = live.and_then(|live| claim_template_size(&live.data));
    claim_template_size(&object.value).zip(current).is_some_and(|(to, from)| quantity(to) > quantity(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_of_the_previous_manifest_are_deleted() {
        let original =
            json!({"metadata": {"annotations": {}}, "spec": {"a": 1, "gone": 1, "block": {"x": 1, "y": 1}}});
        let live = json!({"metadata": {"uid": "u", "annotations": {"others": "1"}}, "spec": {"a": 1, "gone": 1, "others": 2, "block": {"x": 1, "y": 1, "z": 3}}});
        let manifest =
            json!({"metadata": {"name": "n"}, "spec": {"a": 2, "block": {"x": 1}, "new": [1], "none": null}});
        assert_eq!(
            three_way_patch(&original, &live, &manifest),
            json!({"metadata": {"name": "n"}, "spec": {"a": 2, "gone": null, "block": {"y": null}, "new": [1]}})
        );
    }
}
