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
    // The framework also writes finalizers and annotations, which `takeover` removes by name.
    let managers: &[&str] =
        if subresource.is_some() { &[PYTHON_MANAGER, KOPF_MANAGER] } else { &[PYTHON_MANAGER] };
    let is_python = |entry: &ManagedFieldsEntry| {
        is_of(entry, subresource)
            && entry.manager.as_deref().is_some_and(|manager| managers.contains(&manager))
    };
    let (theirs, mut kept): (Vec<_>, Vec<_>) = managed.iter().cloned().partition(is_python);
    if theirs.is_empty() {
        return None;
    }
    let ours = kept.iter_mut().find(|entry| is_ours(entry, subresource))?;
    for entry in &theirs {
        if let (Some(FieldsV1(into)), Some(FieldsV1(from))) = (&mut ours.fields_v1, &entry.fields_v1) {
            merge_fields(into, from);
        }
    }
    Some(kept)
}

/// Returns whether an entry is about the subresource, or about the resource itself.
fn is_of(entry: &ManagedFieldsEntry, subresource: Option<&str>) -> bool {
    entry.subresource.as_deref().filter(|name| !name.is_empty()) == subresource
}

/// Returns whether an entry has the fields that the operator applies.
fn is_ours(entry: &ManagedFieldsEntry, subresource: Option<&str>) -> bool {
    is_of(entry, subresource)
        && entry.manager.as_deref() == Some(MANAGER)
        && entry.operation.as_deref() == Some("Apply")
}

/// Removes the fields of one set from another, with the parents that are empty then.
fn remove_fields(from: &mut Value, removed: &Value) {
    let (Value::Object(from), Value::Object(removed)) = (from, removed) else { return };
    for (field, children) in removed {
        if let Some(rest) = from.get_mut(field) {
            remove_fields(rest, children);
            if rest.as_object().is_none_or(serde_json::Map::is_empty) {
                from.remove(field);
            }
        }
    }
}

/// Adds the fields of one set to another.
fn merge_fields(into: &mut Value, from: &Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        for (field, children) in from {
            merge_fields(into.entry(field.clone()).or_insert_with(|| json!({})), children);
        }
    }
}

/// Returns the managed fields with the items of lists that other managers added moved to ours, so that the next
/// apply removes them; `None` if there are none. `desired` is what the operator applies.
///
/// A client that changes the key of an item, such as the number of a port, removes our item and adds one of its own,
/// which would stay next to ours.
pub(super) fn take_over_list_items(
    managed: &[ManagedFieldsEntry],
    desired: &Value,
) -> Option<Vec<ManagedFieldsEntry>> {
    let mut taken = json!({});
    let mut kept = managed.to_vec();
    for entry in kept.iter_mut().filter(|entry| is_of(entry, None) && !is_ours(entry, None)) {
        let Some(FieldsV1(fields)) = &mut entry.fields_v1 else { continue };
        if let Some(items) = foreign_items(fields, desired) {
            remove_fields(fields, &items);
            merge_fields(&mut taken, &items);
        }
    }
    let ours = kept.iter_mut().find(|entry| is_ours(entry, None))?;
    let fields = ours.fields_v1.as_mut().filter(|_| taken != json!({}))?;
    merge_fields(&mut fields.0, &taken);
    Some(kept)
}

/// Returns the fields of list items that are not in the same lists of `desired`.
fn foreign_items(fields: &Value, desired: &Value) -> Option<Value> {
    let mut found = serde_json::Map::new();
    for (field, children) in fields.as_object()? {
        let items = match (field.strip_prefix("f:"), field.strip_prefix("k:"), desired) {
            (Some(name), _, Value::Object(desired)) => {
                desired.get(name).and_then(|desired| foreign_items(children, desired))
            }
            (_, Some(key), Value::Array(desired)) => match desired.iter().find(|item| has_key(item, key)) {
                Some(item) => foreign_items(children, item),
                None => Some(children.clone()),
            },
            _ => None,
        };
        found.extend(items.map(|items| (field.clone(), items)));
    }
    (!found.is_empty()).then_some(Value::Object(found))
}

/// Returns whether an item of a list has a key of managed fields, such as `{"port":80,"protocol":"TCP"}`. A part of
/// the key that the item leaves out has its default.
fn has_key(item: &Value, key: &str) -> bool {
    let Ok(Value::Object(key)) = serde_json::from_str(key) else { return true };
    key.iter().all(|(field, value)| item.get(field).is_none_or(|own| own == value))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_with_a_changed_key_are_taken_over_and_fields_of_others_are_not() {
        let entry = |manager: &str, operation: &str, fields: Value| ManagedFieldsEntry {
            manager: Some(manager.to_owned()),
            operation: Some(operation.to_owned()),
            fields_v1: Some(FieldsV1(fields)),
            ..ManagedFieldsEntry::default()
        };
        let desired = json!({ "spec": { "ports": [{ "name": "http", "port": 80 }] } });
        let theirs = json!({ "f:spec": {
            "f:ports": {
                "k:{\"port\":80,\"protocol\":\"TCP\"}": { "f:nodePort": {} },
                "k:{\"port\":81,\"protocol\":\"TCP\"}": { ".": {}, "f:port": {} },
            },
            "f:externalIPs": { "v:\"10.0.0.1\"": {} },
        }});
        let managed =
            [entry(MANAGER, "Apply", json!({ "f:spec": {} })), entry("kubectl-patch", "Update", theirs)];
        let merged = take_over_list_items(&managed, &desired).expect("a foreign port");
        let taken = json!({ "f:spec": { "f:ports": {
            "k:{\"port\":81,\"protocol\":\"TCP\"}": { ".": {}, "f:port": {} },
        }}});
        assert_eq!(merged[0].fields_v1, Some(FieldsV1(taken)));
        let left = json!({ "f:spec": {
            "f:ports": { "k:{\"port\":80,\"protocol\":\"TCP\"}": { "f:nodePort": {} } },
            "f:externalIPs": { "v:\"10.0.0.1\"": {} },
        }});
        assert_eq!(merged[1].fields_v1, Some(FieldsV1(left)));
        assert_eq!(take_over_list_items(&managed[..1], &desired), None);
    }
}
