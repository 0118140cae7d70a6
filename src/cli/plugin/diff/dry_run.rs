//! What the API server would make of files and objects, without making it.

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
    cli::plugin::{CliError, cluster::Cluster},
    naming::MANAGER,
    resources::{OwnedKind, OwnedObject},
    validate::quantity,
};

/// Where a StatefulSet has its claim templates.
const TEMPLATES: &str = "/spec/volumeClaimTemplates";

/// Where a claim has its size.
const SIZE: &str = "/0/spec/resources/requests/storage";

/// A resource before and after its file is applied.
pub struct DryRunResult {
    /// As it is; none where there is none yet.
    pub before: Option<Value>,
    /// As it would be, defaults filled in by the webhook.
    pub after: Value,
}

/// Applies a file's resource as `kubectl apply` would, in a dry run.
///
/// Errors: the API server or a webhook refuses it.
pub async fn apply(cluster: &Cluster, kind: Kind, manifest: &Value) -> Result<DryRunResult, CliError> {
    let text = |field: &str| manifest["metadata"][field].as_str().unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    let what = || format!("apply {kind} {namespace}/{name}");
    if name.is_empty() {
        return Err(CliError::Refused { what: what(), why: "metadata.name must name it".to_owned() });
    }
    let api = api_of(cluster, kind, namespace);
    let read = api.get_opt(name).await.map_err(cluster.trouble(format!("read {kind} {namespace}/{name}")))?;
    let Some(live) = read else {
        let object: DynamicObject = serde_json::from_value(manifest.clone())
            .map_err(|error| CliError::Refused { what: what(), why: error.to_string() })?;
        let params = PostParams { dry_run: true, ..PostParams::default() };
        let made = api.create(&params, &object).await.map_err(cluster.trouble(what()))?;
        return Ok(DryRunResult { before: None, after: json!(made) });
    };
    let before = json!(live);
    let original = before["metadata"]["annotations"][KUBECTL_LAST_APPLIED].as_str();
    let original = original.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    let patch = Patch::Merge(three_way(&original, &before, manifest));
    let params = PatchParams { dry_run: true, ..PatchParams::default() };
    let after = api.patch(name, &params, &patch).await.map_err(cluster.trouble(what()))?;
    Ok(DryRunResult { before: Some(before), after: json!(after) })
}

fn api_of(cluster: &Cluster, kind: Kind, namespace: &str) -> Api<DynamicObject> {
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

/// The merge patch of `kubectl apply`: what the file says goes in, what an earlier one said and this
/// one does not goes out, and what others wrote stays.
fn three_way(original: &Value, live: &Value, manifest: &Value) -> Value {
    let mut patch = changes(live, manifest);
    let mut kept = manifest.clone();
    // kubectl itself always adds an annotation to what it applies, and notes an empty block where it
    // found none: that the file has none says nothing of others'.
    if let Some(metadata) = kept["metadata"].as_object_mut() {
        metadata.entry("annotations").or_insert_with(|| json!({}));
    }
    unite(&mut patch, deletions(original, &kept));
    Value::Object(patch)
}

fn changes(live: &Value, manifest: &Value) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, wanted) in manifest.as_object().into_iter().flatten() {
        match (live.get(key), wanted) {
            (Some(is), _) if is == wanted => {}
            (Some(is @ Value::Object(_)), Value::Object(_)) => {
                let below = changes(is, wanted);
                if !below.is_empty() {
                    patch.insert(key.clone(), Value::Object(below));
                }
            }
            // Null means absent, and would delete what others wrote.
            (_, Value::Null) => {}
            _ => _ = patch.insert(key.clone(), wanted.clone()),
        }
    }
    patch
}

fn deletions(original: &Value, manifest: &Value) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, was) in original.as_object().into_iter().flatten() {
        match manifest.get(key) {
            None => _ = patch.insert(key.clone(), Value::Null),
            Some(wanted) => {
                let below = deletions(was, wanted);
                if wanted.is_object() && !below.is_empty() {
                    patch.insert(key.clone(), Value::Object(below));
                }
            }
        }
    }
    patch
}

fn unite(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => unite(into, from),
            (_, value) => _ = into.insert(key, value),
        }
    }
}

/// What the API server would make of an object that the operator applies.
///
/// Errors: it refuses, as it would refuse the operator.
pub async fn operate(
    cluster: &Cluster,
    namespace: &str,
    object: &OwnedObject,
    live: Option<&DynamicObject>,
) -> Result<Value, CliError> {
    let (sent, size) = without_growth(object, live);
    let api =
        Api::<DynamicObject>::namespaced_with(cluster.client.clone(), namespace, &object.kind.api_resource());
    let params = PatchParams { dry_run: true, ..PatchParams::apply(MANAGER).force() };
    let what = format!("apply {} {namespace}/{} as the operator would", object.kind, object.name);
    let made = api.patch(&object.name, &params, &Patch::Apply(&sent)).await.map_err(cluster.trouble(what))?;
    let mut made = json!(made);
    if let (Some(size), Some(templates)) = (size, made.pointer_mut(TEMPLATES))
        && let Some(field) = templates.pointer_mut(SIZE)
    {
        *field = size;
    }
    Ok(made)
}

/// A StatefulSet whose claims grow is made again context its pods, which no dry run can show: it is
/// applied with the claims that it has, and the new size is put in afterwards.
fn without_growth(object: &OwnedObject, live: Option<&DynamicObject>) -> (Value, Option<Value>) {
    let mut sent = object.value.clone();
    let is = live.and_then(|live| live.data.pointer(TEMPLATES)).cloned();
    let grows = object.kind == OwnedKind::StatefulSet && grows(object, live);
    let size = sent.pointer(TEMPLATES).and_then(|templates| templates.pointer(SIZE)).cloned();
    match (is, sent.pointer_mut(TEMPLATES)) {
        (Some(is), Some(templates)) if grows => {
            *templates = is;
            (sent, size)
        }
        _ => (sent, None),
    }
}

/// Whether the claims of a StatefulSet grow.
pub fn grows(object: &OwnedObject, live: Option<&DynamicObject>) -> bool {
    let size = |set: &Value| set.pointer(TEMPLATES)?.pointer(SIZE)?.as_str().map(str::to_owned);
    let (wanted, is) = (size(&object.value), live.and_then(|live| size(&live.data)));
    matches!((wanted, is), (Some(wanted), Some(is)) if quantity(&wanted) > quantity(&is))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_out_only_what_a_file_put_in() {
        let original =
            json!({"metadata": {"annotations": {}}, "spec": {"a": 1, "gone": 1, "block": {"x": 1, "y": 1}}});
        let live = json!({"metadata": {"uid": "u", "annotations": {"others": "1"}}, "spec": {"a": 1, "gone": 1, "others": 2, "block": {"x": 1, "y": 1, "z": 3}}});
        let manifest =
            json!({"metadata": {"name": "n"}, "spec": {"a": 2, "block": {"x": 1}, "new": [1], "none": null}});
        assert_eq!(
            three_way(&original, &live, &manifest),
            json!({"metadata": {"name": "n"}, "spec": {"a": 2, "gone": null, "block": {"y": null}, "new": [1]}})
        );
    }
}
