//! Edits of managed fields. A field that two managers own stays when only one of them stops applying
//! it (Kubernetes, "Server-Side Apply"), so the operator takes over the fields of earlier managers. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Value, json};

use crate::naming::MANAGER;

/// The field manager of the Python operator's client library.
const PYTHON_MANAGER: &str = "OpenAPI-Generator";

/// The field manager of the Python operator's framework.
const KOPF_MANAGER: &str = "kopf";

/// The field manager that owns the replicas of a StatefulSet that was recreated around running pods.
/// If it were the operator's usual manager, its next apply, which leaves the replicas to the
/// autoscaler, would reset them to one.
pub(super) const RECREATE_MANAGER: &str = "kaspr-operator-recreate";

/// Returns the managed fields with the Python operator's entries merged into ours, or `None` if there are
/// none to merge. `subresource` selects the entries: `None` for those of the resource itself.
pub(super) fn take_over_python_fields(
    managed: &[ManagedFieldsEntry],
    subresource: Option<&str>,
) -> Option<Vec<ManagedFieldsEntry>> {
    let is_selected = |entry: &ManagedFieldsEntry| {
        entry.subresource.as_deref().filter(|name| !name.is_empty()) == subresource
    };
    // The framework also writes finalizers and annotations, which `takeover` removes by name.
    let managers: &[&str] =
        if subresource.is_some() { &[PYTHON_MANAGER, KOPF_MANAGER] } else { &[PYTHON_MANAGER] };
    let is_python = |entry: &ManagedFieldsEntry| {
        is_selected(entry) && entry.manager.as_deref().is_some_and(|manager| managers.contains(&manager))
    };
    let (theirs, mut kept): (Vec<_>, Vec<_>) = managed.iter().cloned().partition(is_python);
    if theirs.is_empty() {
        return None;
    }
    let ours = kept.iter_mut().find(|entry| {
        is_selected(entry)
            && entry.manager.as_deref() == Some(MANAGER)
            && entry.operation.as_deref() == Some("Apply")
    })?;
    for entry in &theirs {
        if let (Some(FieldsV1(into)), Some(FieldsV1(from))) = (&mut ours.fields_v1, &entry.fields_v1) {
            merge_fields(into, from);
        }
    }
    Some(kept)
}

/// Adds the fields of one set to another.
fn merge_fields(into: &mut Value, from: &Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        for (field, children) in from {
            merge_fields(into.entry(field.clone()).or_insert_with(|| json!({})), children);
        }
    }
}

/// Returns the managed fields with all but the replicas released from [`RECREATE_MANAGER`], or `None`
/// if it owns nothing else.
pub(super) fn release_recreate_fields(managed: &[ManagedFieldsEntry]) -> Option<Vec<ManagedFieldsEntry>> {
    let replicas = json!({ "f:spec": { "f:replicas": {} } });
    let mut kept = managed.to_vec();
    let ours = kept.iter_mut().filter(|entry| entry.manager.as_deref() == Some(RECREATE_MANAGER));
    let mut fields = ours.filter_map(|entry| entry.fields_v1.as_mut());
    let all = fields.find(|fields| fields.0 != replicas)?;
    all.0 = replicas;
    Some(kept)
}
