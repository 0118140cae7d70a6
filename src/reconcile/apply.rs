//! The only place that writes objects: server-side apply of the fields that the operator owns, and
//! nothing where nothing differs.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use futures::{StreamExt, stream};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    core::DynamicObject,
};
use serde_json::{Map, Value, json};

use super::{Error, compact::Compact, context::Context, links::Key, published, storage};
use crate::build::{Object, OwnedKind, labels::MANAGER};

/// How many objects of an app are applied side by side.
const AT_A_TIME: usize = 8;

/// Where an object is.
type Place = (OwnedKind, String, String);

/// The hash of each top-level field. There is one of these for each object: it has to be small.
type Fields = Box<[(Box<str>, u64)]>;

/// What was applied last, by place.
///
/// The API server may write a value in another form (`0.25` cores as `250m`), so what it made of the
/// object is kept: as long as that stands, nothing has drifted.
#[derive(Default)]
pub struct Applied(Mutex<HashMap<Place, Record>>);

struct Record {
    /// The hash of the object as it was sent.
    sent: String,
    /// The hashes of the same top-level fields as the API server gave them back.
    stands: Fields,
    /// Whether the cache may not know of it yet.
    unseen: bool,
}

impl Applied {
    fn records(&self) -> MutexGuard<'_, HashMap<Place, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The watch told of the object: the cache is no longer behind.
    pub fn seen(&self, kind: OwnedKind, namespace: &str, name: &str) {
        if let Some(record) = self.records().get_mut(&(kind, namespace.to_owned(), name.to_owned())) {
            record.unseen = false;
        }
    }

    /// The top-level fields that somebody else changed since an object was applied.
    fn drifted(&self, place: &Place, object: &Object, live: Option<&DynamicObject>) -> Vec<String> {
        let records = self.records();
        let record = records.get(place).filter(|record| record.sent == object.hash() && !record.unseen);
        let live = live.and_then(|live| serde_json::to_value(live).ok());
        let (Some(record), Some(live)) = (record, live) else { return Vec::new() };
        let is = fields(&live, &object.value);
        let differ = record.stands.iter().filter(|field| !is.contains(field));
        differ.map(|(field, _)| field.to_string()).collect()
    }

    /// Whether the cache knows of what was applied last.
    pub fn is_seen(&self, kind: OwnedKind, namespace: &str, name: &str) -> bool {
        let place = (kind, namespace.to_owned(), name.to_owned());
        self.records().get(&place).is_none_or(|record| !record.unseen)
    }

    /// Somebody else may have written: what was applied is to be looked at anew.
    pub fn clear(&self) {
        self.records().clear();
    }

    /// The object is gone.
    pub fn gone(&self, kind: OwnedKind, namespace: &str, name: &str) {
        self.records().remove(&(kind, namespace.to_owned(), name.to_owned()));
    }

    fn stands(&self, place: &Place, object: &Object, live: Option<&DynamicObject>) -> bool {
        let live = || live.and_then(|live| serde_json::to_value(live).ok());
        match self.records().get(place) {
            Some(record) if record.sent == object.hash() => {
                record.unseen || live().is_some_and(|live| fields(&live, &object.value) == record.stands)
            }
            Some(_) => false,
            // After a restart: the object carries the hash of what was sent.
            None => live().is_some_and(|live| common(&live, &object.value) == object.value),
        }
    }
}

/// The hashes of the fields of `live` that have a counterpart in `wanted`.
fn fields(live: &Value, wanted: &Value) -> Fields {
    match common(live, wanted) {
        Value::Object(fields) => {
            fields.into_iter().map(|(field, value)| (field.into(), hash_of(&value))).collect()
        }
        _ => Fields::default(),
    }
}

fn hash_of(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Applies the objects: all others first, side by side, and then the StatefulSet, whose pods mount
/// and refer to them. Gives what changed, for the event: `StatefulSet clicks-app`.
///
/// Errors: the first one; what does not depend on it is applied all the same.
pub async fn apply(ctx: &Context, owner: &Key, objects: &[Object]) -> Result<Vec<String>, Error> {
    let (last, first): (Vec<_>, Vec<_>) =
        objects.iter().partition(|object| object.kind == OwnedKind::StatefulSet);
    let mut changed = Vec::new();
    for stage in [first, last] {
        let writes: Vec<_> = stage.into_iter().map(|object| apply_one(ctx, owner, object)).collect();
        let applied: Vec<_> = stream::iter(writes).buffered(AT_A_TIME).collect().await;
        for written in applied {
            changed.extend(written?);
        }
    }
    Ok(changed)
}

/// Applies an object, unless it stands as it should. Gives its name if that changed anything.
async fn apply_one(ctx: &Context, owner: &Key, object: &Object) -> Result<Option<String>, Error> {
    let namespace = owner.namespace.as_str();
    let place = (object.kind, namespace.to_owned(), object.name.clone());
    let live = ctx.caches.owned(object.kind, namespace, &object.name);
    if ctx.applied.stands(&place, object, live.as_ref()) {
        return Ok(None);
    }
    let drifted = ctx.applied.drifted(&place, object, live.as_ref());
    for field in &drifted {
        ctx.queues.about(owner, |of| ctx.metrics.drifted(of, (object.kind.snake(), &object.name), field));
    }
    let operation = if live.is_none() { "create" } else { "patch" };
    let begun = Instant::now();
    let written = write(ctx, &place, object, live.as_ref()).await;
    let error = written.as_ref().err().map(Error::kind);
    ctx.queues.about(owner, |of| {
        ctx.metrics.synced(of, (object.kind.snake(), &object.name), operation, begun.elapsed(), error);
    });
    let changed = written?;
    let what = format!("{} {}", object.kind, object.name);
    let owner = owner.name.as_str();
    tracing::info!(
        object = what,
        namespace,
        owner,
        operation,
        changed,
        drifted = drifted.join(","),
        "applied"
    );
    Ok(changed.then_some(what))
}

/// Writes an object. Gives whether that changed anything.
async fn write(
    ctx: &Context,
    place: &Place,
    object: &Object,
    live: Option<&DynamicObject>,
) -> Result<bool, Error> {
    let api = api(ctx.client.clone(), object.kind, &place.1);
    let params = PatchParams::apply(MANAGER).force();
    let what = format!("{} {}", object.kind, object.name);
    let wanted = Patch::Apply(&object.value);
    let send = || api.patch(&object.name, &params, &wanted);
    let mut made = send().await.map_err(Error::api(format!("can't apply {what}")))?;
    let managed = made.managed_fields();
    if let Some(fields) = published::inherit(managed).or_else(|| storage::give_up(managed)) {
        let patch =
            json!({ "metadata": { "managedFields": fields, "resourceVersion": made.resource_version() } });
        let inherited = api.patch(&object.name, &PatchParams::default(), &Patch::Merge(&patch)).await;
        inherited.map_err(Error::api(format!("can't take over the fields of {what}")))?;
        // Now what the other manager set, and this one does not, goes.
        made = send().await.map_err(Error::api(format!("can't apply {what}")))?;
    }
    let changed = live.as_ref().is_none_or(|live| live.resource_version() != made.resource_version());
    let stands = fields(&serde_json::to_value(&made)?, &object.value);
    let mut records = ctx.applied.records();
    // The watch may have been faster than the answer.
    let cached = ctx.caches.compact(object.kind, &place.1, &place.2);
    let unseen = changed && !cached.is_some_and(|cached| is_as_new(&cached, &made));
    records.insert(place.clone(), Record { sent: object.hash().to_owned(), stands, unseen });
    Ok(changed)
}

/// Whether what is cached is the object as it was made, or newer: versions of one kind can be
/// compared (Kubernetes API concepts, "Resource versions").
fn is_as_new(cached: &Compact, made: &DynamicObject) -> bool {
    let version = |version: &str| version.parse::<u64>().ok();
    let (uid, newest) = (made.uid().unwrap_or_default(), made.resource_version().unwrap_or_default());
    *cached.uid == *uid && version(&cached.version) >= version(&newest)
}

/// Deletes an object that is no longer wanted, if it is there and the resource controls it.
pub async fn remove(
    ctx: &Context,
    owner: &str,
    kind: OwnedKind,
    namespace: &str,
    name: &str,
) -> Result<Option<String>, Error> {
    let Some(live) = ctx.caches.owned(kind, namespace, name) else { return Ok(None) };
    let controlled = live.owner_references().iter().any(|o| o.controller == Some(true) && o.uid == owner);
    if !controlled || live.metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    let params = DeleteParams {
        preconditions: Some(Preconditions { uid: live.uid(), resource_version: None }),
        ..DeleteParams::background()
    };
    let what = format!("{kind} {name}");
    match api(ctx.client.clone(), kind, namespace).delete(name, &params).await {
        Ok(_) => {
            tracing::info!(object = what, namespace, "deleted: no longer wanted");
            Ok(Some(what))
        }
        // Somebody else was faster.
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(Error::api(format!("can't delete {what}"))(error)),
    }
}

/// The API of a kind of objects.
pub fn api(client: Client, kind: OwnedKind, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client, namespace, &kind.resource())
}

/// The part of `live` that has a counterpart in `wanted`.
///
/// Lists of named things (containers, variables, ports, volumes, mounts) are matched by what names
/// them, as server-side apply does; others item by item, and by their length.
fn common(live: &Value, wanted: &Value) -> Value {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let shared =
                wanted.iter().filter_map(|(key, wanted)| Some((key.clone(), common(live.get(key)?, wanted))));
            Value::Object(shared.collect::<Map<_, _>>())
        }
        (Value::Array(live), Value::Array(wanted)) => match wanted.first().and_then(name_key) {
            Some(key) => {
                let partner = |item: &Value| live.iter().find(|other| other.get(key) == item.get(key));
                Value::Array(wanted.iter().filter_map(|item| Some(common(partner(item)?, item))).collect())
            }
            None if live.len() == wanted.len() => {
                Value::Array(live.iter().zip(wanted).map(|(live, wanted)| common(live, wanted)).collect())
            }
            None => Value::Array(live.clone()),
        },
        _ => live.clone(),
    }
}

/// The field that names the items of a list.
fn name_key(item: &Value) -> Option<&'static str> {
    ["mountPath", "name", "containerPort", "uid"].into_iter().find(|key| item.get(key).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_add_is_no_drift() {
        let wanted = json!({"spec": {"env": [{"name": "A", "value": "1"}], "replicas": 2}});
        let live = json!({
            "metadata": {"uid": "x"},
            "spec": {"env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}], "replicas": 2, "paused": false},
        });
        assert_eq!(common(&live, &wanted), wanted);
    }

    #[test]
    fn a_changed_or_missing_field_is_drift() {
        let wanted = json!({"spec": {"env": [{"name": "A", "value": "1"}], "command": ["a", "b"]}});
        for live in [
            json!({"spec": {"env": [{"name": "A", "value": "2"}], "command": ["a", "b"]}}),
            json!({"spec": {"env": [], "command": ["a", "b"]}}),
            json!({"spec": {"env": [{"name": "A", "value": "1"}], "command": ["a"]}}),
            json!({"spec": {"command": ["a", "b"]}}),
        ] {
            assert_ne!(common(&live, &wanted), wanted, "{live}");
        }
    }
}
