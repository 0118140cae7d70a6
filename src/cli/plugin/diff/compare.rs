//! Comparison of objects, field by field.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    api::annotations::{APPLIED_HASH, RESOURCE_HASH},
    resources::OwnedKind,
};

/// Metadata that the API server sets.
const SERVER_METADATA: [&str; 6] =
    ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"];

/// An object that the operator would create, update or delete.
#[derive(Debug)]
pub(super) struct ObjectChange {
    /// Kind of the object.
    pub kind: OwnedKind,
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// Current object; `None` if the operator would create the object.
    pub before: Option<Value>,
    /// Object after the change; `None` if the operator would delete the object.
    pub after: Option<Value>,
}

/// A field that would change.
#[derive(Debug, Eq, PartialEq, Serialize)]
pub(super) struct FieldChange {
    /// Path of the field, such as `spec.template.spec.containers[kaspr].image`.
    pub path: String,
    /// Current value; `None` if the field is added.
    pub before: Option<Value>,
    /// Value after the change; `None` if the field is removed.
    pub after: Option<Value>,
}

impl ObjectChange {
    /// Returns `create`, `update` or `delete`.
    #[must_use]
    pub(super) fn operation(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "create",
            (_, None) => "delete",
            _ => "update",
        }
    }

    /// Returns whether the object would change.
    #[must_use]
    pub(super) fn differs(&self) -> bool {
        self.before != self.after
    }

    /// Returns the fields that would change.
    #[must_use]
    pub(super) fn fields(&self) -> Vec<FieldChange> {
        changed_fields(self.before.as_ref(), self.after.as_ref())
    }

    /// Returns the fields that would change in the pod template of a StatefulSet.
    #[must_use]
    pub(super) fn pod_template_fields(&self) -> Vec<FieldChange> {
        let template = |set: &Option<Value>| set.as_ref().map(|set| set["spec"]["template"].clone());
        match (self.kind, template(&self.before), template(&self.after)) {
            (OwnedKind::StatefulSet, Some(before), Some(after)) => {
                changed_fields(Some(&before), Some(&after))
            }
            _ => Vec::new(),
        }
    }

    /// Returns the change as printed in JSON and YAML.
    #[must_use]
    pub(super) fn to_value(&self) -> Value {
        json!({
            "kind": self.kind.to_string(),
            "namespace": self.namespace,
            "name": self.name,
            "change": self.operation(),
            "fields": self.fields(),
        })
    }
}

/// Removes status, server-side metadata and the hashes of the object itself. `owner_exists` says whether
/// the owner is in the cluster; otherwise the owner's UID is invented in the dry run and removed too.
#[must_use]
pub(super) fn normalize(mut object: Value, owner_exists: bool) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    let is_set = object["kind"] == "StatefulSet";
    let metadata = &mut object["metadata"];
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.retain(|key, _| !SERVER_METADATA.contains(&key.as_str()));
    }
    if let Some(annotations) = metadata["annotations"].as_object_mut() {
        annotations.remove(APPLIED_HASH);
        if is_set {
            annotations.remove(RESOURCE_HASH);
        }
    }
    for owner in metadata["ownerReferences"].as_array_mut().into_iter().flatten() {
        if let Some(owner) = owner.as_object_mut().filter(|_| !owner_exists) {
            owner.remove("uid");
        }
    }
    for block in ["annotations", "ownerReferences"] {
        let empty =
            metadata[block].is_null() || metadata[block].as_object().is_some_and(|all| all.is_empty());
        if let Some(metadata) = metadata.as_object_mut().filter(|_| empty) {
            metadata.remove(block);
        }
    }
    object
}

fn changed_fields(before: Option<&Value>, after: Option<&Value>) -> Vec<FieldChange> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    flatten(before.unwrap_or(&Value::Null), "", &mut old);
    flatten(after.unwrap_or(&Value::Null), "", &mut new);
    let paths: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differing = paths.into_iter().filter(|path| old.get(*path) != new.get(*path));
    differing
        .map(|path| FieldChange {
            path: path.clone(),
            before: old.get(path).map(|value| (*value).clone()),
            after: new.get(path).map(|value| (*value).clone()),
        })
        .collect()
}

/// Collects all scalar values by path. Items of a list are identified by name, if all items have a name.
fn flatten<'a>(value: &'a Value, path: &str, into: &mut BTreeMap<String, &'a Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(value, &format!("{path}{dot}{key}"), into);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let key = ["mountPath", "name", "containerPort"]
                .into_iter()
                .find(|key| items.iter().all(|item| item.get(key).is_some()));
            for (i, item) in items.iter().enumerate() {
                let name = key.map_or_else(|| i.to_string(), |key| plain_text(&item[key]));
                flatten(item, &format!("{path}[{name}]"), into);
            }
        }
        Value::Null => {}
        value => _ = into.insert(path.to_owned(), value),
    }
}

fn plain_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_the_items_of_lists() {
        let before =
            json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "args": ["x"]});
        let after = json!({"env": [{"name": "B", "value": "3"}], "args": ["x"], "new": {"a": 1}});
        let paths: Vec<String> =
            changed_fields(Some(&before), Some(&after)).into_iter().map(|f| f.path).collect();
        assert_eq!(paths, ["env[A].name", "env[A].value", "env[B].value", "new.a"]);
    }
}
