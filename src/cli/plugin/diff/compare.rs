//! Objects before and after, field by field.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    api::annotations::{APPLIED_HASH, RESOURCE_HASH},
    resources::OwnedKind,
};

/// Metadata that the API server writes.
const SERVERS: [&str; 6] =
    ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"];

/// Hashes of the object itself: they change with it and say nothing more.

/// An object that the operator would change.
#[derive(Debug)]
pub struct Change {
    /// Its kind.
    pub kind: OwnedKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// As it is; none for one that would be made.
    pub before: Option<Value>,
    /// As it would be; none for one that would go.
    pub after: Option<Value>,
}

/// A field that would change.
#[derive(Debug, Eq, PartialEq, Serialize)]
pub struct Field {
    /// Where it is: `spec.template.spec.containers[kaspr].image`.
    pub path: String,
    /// Its value; none where it is new.
    pub before: Option<Value>,
    /// Its value; none where it goes.
    pub after: Option<Value>,
}

impl Change {
    /// In one word.
    pub fn word(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "create",
            (_, None) => "delete",
            _ => "update",
        }
    }

    /// Whether there is any difference.
    pub fn differs(&self) -> bool {
        self.before != self.after
    }

    /// What differs.
    pub fn fields(&self) -> Vec<Field> {
        fields(self.before.as_ref(), self.after.as_ref())
    }

    /// What differs in the pods that a StatefulSet makes.
    pub fn of_pods(&self) -> Vec<Field> {
        let template = |set: &Option<Value>| set.as_ref().map(|set| set["spec"]["template"].clone());
        match (self.kind, template(&self.before), template(&self.after)) {
            (OwnedKind::StatefulSet, Some(before), Some(after)) => fields(Some(&before), Some(&after)),
            _ => Vec::new(),
        }
    }

    /// The change as programs read it.
    pub fn value(&self) -> Value {
        json!({
            "kind": self.kind.to_string(),
            "namespace": self.namespace,
            "name": self.name,
            "change": self.word(),
            "fields": self.fields(),
        })
    }
}

/// The object without what only the API server knows, and without hashes of itself. `known` tells
/// whether its owner is in the cluster: else its identity is a made-up one.
pub fn clean(mut object: Value, known: bool) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    let is_set = object["kind"] == "StatefulSet";
    let metadata = &mut object["metadata"];
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.retain(|key, _| !SERVERS.contains(&key.as_str()));
    }
    if let Some(annotations) = metadata["annotations"].as_object_mut() {
        annotations.remove(APPLIED_HASH);
        if is_set {
            annotations.remove(RESOURCE_HASH);
        }
    }
    for owner in metadata["ownerReferences"].as_array_mut().into_iter().flatten() {
        if let Some(owner) = owner.as_object_mut().filter(|_| !known) {
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

fn fields(before: Option<&Value>, after: Option<&Value>) -> Vec<Field> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    flatten(before.unwrap_or(&Value::Null), "", &mut old);
    flatten(after.unwrap_or(&Value::Null), "", &mut new);
    let paths: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differing = paths.into_iter().filter(|path| old.get(*path) != new.get(*path));
    differing
        .map(|path| Field {
            path: path.clone(),
            before: old.get(path).map(|value| (*value).clone()),
            after: new.get(path).map(|value| (*value).clone()),
        })
        .collect()
}

/// Every value with its path; things in lists go by their names, where they have one.
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
                let name = key.map_or_else(|| i.to_string(), |key| text(&item[key]));
                flatten(item, &format!("{path}[{name}]"), into);
            }
        }
        Value::Null => {}
        value => _ = into.insert(path.to_owned(), value),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_the_name_of_what_it_is_in() {
        let before =
            json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "args": ["x"]});
        let after = json!({"env": [{"name": "B", "value": "3"}], "args": ["x"], "new": {"a": 1}});
        let paths: Vec<String> = fields(Some(&before), Some(&after)).into_iter().map(|f| f.path).collect();
        assert_eq!(paths, ["env[A].name", "env[A].value", "env[B].value", "new.a"]);
    }
}
