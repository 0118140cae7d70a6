//! What was applied last, by object.
//!
//! The API server may write a value in another form (`0.25` cores as `250m`), so its answer is
//! remembered too: as long as the object equals that answer, nothing has drifted.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, MutexGuard},
};

use kube::{ResourceExt, core::DynamicObject};
use serde_json::{Map, Value};

use crate::{
    reconcile::cache::object::SerializedObject,
    resources::{OwnedKind, OwnedObject},
    sync::lock,
};

/// Identifies an object: kind, namespace, name.
pub(crate) type ObjectId = (OwnedKind, String, String);

/// The hash of each top-level field. There is one of these for each object, so it is small.
type FieldHashes = Box<[(Box<str>, u64)]>;

/// What was applied last, by object.
#[derive(Default)]
pub(crate) struct AppliedObjects(Mutex<HashMap<ObjectId, Record>>);

struct Record {
    /// The hash of the object as it was sent.
    sent: String,
    /// The hashes of the same top-level fields in the answer of the API server.
    answered: FieldHashes,
    /// The written version, until the cache contains it.
    awaited: Option<u64>,
}

impl AppliedObjects {
    fn records(&self) -> MutexGuard<'_, HashMap<ObjectId, Record>> {
        lock(&self.0)
    }

    /// The watch delivered a version of the object. An older one than the written one, such as a new status, may come
    /// after the answer.
    pub(crate) fn mark_seen(&self, kind: OwnedKind, namespace: &str, name: &str, version: &str) {
        if let Some(record) = self.records().get_mut(&(kind, namespace.to_owned(), name.to_owned())) {
            record.awaited =
                record.awaited.filter(|awaited| number(version).is_some_and(|seen| seen < *awaited));
        }
    }

    /// Returns the top-level fields that another client changed since the object was applied.
    pub(crate) fn drifted_fields(
        &self,
        id: &ObjectId,
        object: &OwnedObject,
        live: Option<&DynamicObject>,
    ) -> Vec<String> {
        let records = self.records();
        let record =
            records.get(id).filter(|record| record.sent == object.hash() && record.awaited.is_none());
        let live = live.and_then(|live| serde_json::to_value(live).ok());
        let (Some(record), Some(live)) = (record, live) else { return Vec::new() };
        let current = field_hashes(&live, &object.value);
        let differ = record.answered.iter().filter(|field| !current.contains(field));
        differ.map(|(field, _)| field.to_string()).collect()
    }

    /// Returns whether the cache contains the version that was applied last.
    pub(crate) fn is_seen(&self, kind: OwnedKind, namespace: &str, name: &str) -> bool {
        let id = (kind, namespace.to_owned(), name.to_owned());
        self.records().get(&id).is_none_or(|record| record.awaited.is_none())
    }

    /// Forgets everything: another replica may have written.
    pub(crate) fn clear(&self) {
        self.records().clear();
    }

    /// Forgets an object that was deleted.
    pub(crate) fn forget(&self, kind: OwnedKind, namespace: &str, name: &str) {
        self.records().remove(&(kind, namespace.to_owned(), name.to_owned()));
    }

    /// Returns whether the live object already is as desired.
    pub(crate) fn is_current(
        &self,
        id: &ObjectId,
        object: &OwnedObject,
        live: Option<&DynamicObject>,
    ) -> bool {
        let live = || live.and_then(|live| serde_json::to_value(live).ok());
        match self.records().get(id) {
            Some(record) if record.sent == object.hash() => {
                record.awaited.is_some()
                    || live().is_some_and(|live| field_hashes(&live, &object.value) == record.answered)
            }
            Some(_) => false,
            // After a restart: the object carries the hash of what was sent.
            None => live().is_some_and(|live| shared_fields(&live, &object.value) == object.value),
        }
    }

    /// Remembers what was sent and what the API server answered. `cached` is called under the lock,
    /// because the watch may be faster than the answer.
    ///
    /// # Errors
    ///
    /// The answer does not convert to JSON.
    pub(crate) fn record(
        &self,
        id: ObjectId,
        object: &OwnedObject,
        answer: &DynamicObject,
        changed: bool,
        cached: impl FnOnce() -> Option<std::sync::Arc<SerializedObject>>,
    ) -> Result<(), serde_json::Error> {
        let answered = field_hashes(&serde_json::to_value(answer)?, &object.value);
        let mut records = self.records();
        let is_awaited = changed && !cached().is_some_and(|cached| is_at_least(&cached, answer));
        let written = answer.resource_version().as_deref().and_then(number);
        let awaited = written.filter(|_| is_awaited);
        records.insert(id, Record { sent: object.hash().to_owned(), answered, awaited });
        Ok(())
    }
}

/// Returns whether the cached object is the answered version or a later one.
fn is_at_least(cached: &SerializedObject, answer: &DynamicObject) -> bool {
    let (uid, newest) = (answer.uid().unwrap_or_default(), answer.resource_version().unwrap_or_default());
    *cached.uid == *uid && number(&cached.version) >= number(&newest)
}

/// Returns a resource version as a number. Those of one kind can be compared (Kubernetes API concepts, "Resource
/// versions").
fn number(version: &str) -> Option<u64> {
    version.parse().ok()
}

/// The hashes of the fields of `live` that have a counterpart in `desired`.
fn field_hashes(live: &Value, desired: &Value) -> FieldHashes {
    match shared_fields(live, desired) {
        Value::Object(fields) => {
            fields.into_iter().map(|(field, value)| (field.into(), hash_value(&value))).collect()
        }
        _ => FieldHashes::default(),
    }
}

fn hash_value(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The part of `live` that has a counterpart in `desired`.
///
/// Lists of named items (containers, variables, ports, volumes, mounts) are matched by their merge
/// key, as server-side apply does; others item by item, and by their length.
fn shared_fields(live: &Value, desired: &Value) -> Value {
    match (live, desired) {
        (Value::Object(live), Value::Object(desired)) => {
            let shared = desired
                .iter()
                .filter_map(|(key, desired)| Some((key.clone(), shared_fields(live.get(key)?, desired))));
            Value::Object(shared.collect::<Map<_, _>>())
        }
        (Value::Array(live), Value::Array(desired)) => match desired.first().and_then(merge_key) {
            Some(key) => {
                let partner = |item: &Value| live.iter().find(|other| other.get(key) == item.get(key));
                let shared = desired.iter().filter_map(|item| Some(shared_fields(partner(item)?, item)));
                Value::Array(shared.collect())
            }
            None if live.len() == desired.len() => Value::Array(
                live.iter().zip(desired).map(|(live, desired)| shared_fields(live, desired)).collect(),
            ),
            None => Value::Array(live.clone()),
        },
        _ => live.clone(),
    }
}

/// The field that identifies the items of a list.
fn merge_key(item: &Value) -> Option<&'static str> {
    ["mountPath", "name", "containerPort", "uid"].into_iter().find(|key| item.get(key).is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_other_clients_are_not_drift() {
        let desired = json!({"spec": {"env": [{"name": "A", "value": "1"}], "replicas": 2}});
        let live = json!({
            "metadata": {"uid": "x"},
            "spec": {"env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}], "replicas": 2, "paused": false},
        });
        assert_eq!(shared_fields(&live, &desired), desired);
    }

    #[test]
    fn a_changed_or_missing_field_is_drift() {
        let desired = json!({"spec": {"env": [{"name": "A", "value": "1"}], "command": ["a", "b"]}});
        for live in [
            json!({"spec": {"env": [{"name": "A", "value": "2"}], "command": ["a", "b"]}}),
            json!({"spec": {"env": [], "command": ["a", "b"]}}),
            json!({"spec": {"env": [{"name": "A", "value": "1"}], "command": ["a"]}}),
            json!({"spec": {"command": ["a", "b"]}}),
        ] {
            assert_ne!(shared_fields(&live, &desired), desired, "{live}");
        }
    }

    #[test]
    fn an_older_version_does_not_count_as_the_written_one() {
        let applied = AppliedObjects::default();
        let awaited = Some(12);
        let record = Record { sent: String::new(), answered: FieldHashes::default(), awaited };
        let id = (OwnedKind::StatefulSet, "ns".to_owned(), "clicks-app".to_owned());
        applied.records().insert(id, record);
        let mut is_seen_after = |version: &str| {
            applied.mark_seen(OwnedKind::StatefulSet, "ns", "clicks-app", version);
            applied.is_seen(OwnedKind::StatefulSet, "ns", "clicks-app")
        };
        assert_eq!(["9", "11", "12", "13"].map(&mut is_seen_after), [false, false, true, true]);
    }
}
