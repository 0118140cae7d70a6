//! What users are told: the status, where it differs, and events.

use std::fmt::Debug;

use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::{NamespaceResourceScope, object::HasStatus},
    runtime::events::{Event, EventType, Recorder},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{Error, context::Context, links::Key, watch::describe};
use crate::build::labels::MANAGER;

/// Writes the status, if it differs from the one that the resource has.
pub async fn status<K>(ctx: &Context, key: &Key, resource: &K, status: K::Status) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + HasStatus,
    K::Status: PartialEq + Send + Serialize + 'static,
{
    if resource.status() == Some(&status) {
        return Ok(());
    }
    let (name, namespace) = (resource.name_any(), resource.namespace().unwrap_or_default());
    let patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        // A resource that was deleted and made again is another one.
        "metadata": { "name": name, "uid": resource.uid() },
        "status": status,
    });
    let api: Api<K> = Api::namespaced(ctx.client.clone(), &namespace);
    match api.patch_status(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&patch)).await {
        Ok(_) => {
            let fields = changed(resource.status(), &status);
            ctx.queues.about(key, |of| {
                ctx.metrics.status_updated(of.app, of.namespace, fields.iter().map(String::as_str));
            });
            ctx.told.wrote(key.clone(), resource.resource_version(), status);
            Ok(())
        }
        // Deleted in the meantime: nobody reads it any more.
        Err(kube::Error::Api(status)) if status.is_not_found() || is_another(&status) => Ok(()),
        Err(error) => Err(Error::api(format!("can't write the status of {} {name}", K::kind(&())))(error)),
    }
}

/// Whether a conflict is about the UID: a resource that was deleted and made again.
fn is_another(status: &kube::core::Status) -> bool {
    status.is_conflict() && status.message.contains("UID")
}

/// The fields of a status that differ.
fn changed<S: Serialize>(before: Option<&S>, now: &S) -> Vec<String> {
    let fields = |status: Option<&S>| match status.map(serde_json::to_value) {
        Some(Ok(Value::Object(fields))) => fields,
        _ => Map::new(),
    };
    let (before, now) = (fields(before), fields(Some(now)));
    now.iter()
        .filter(|(field, value)| before.get(*field) != Some(value))
        .map(|(field, _)| field.clone())
        .collect()
}

/// Tells of something that went as it should.
pub async fn normal<K: Resource<DynamicType = ()>>(ctx: &Context, resource: &K, reason: &str, note: String) {
    // What went well differs each time: there is no series to remember it for.
    event(&ctx.fresh_recorder(), resource, EventType::Normal, reason, note).await;
}

/// Tells of something to look at.
pub async fn warning<K: Resource<DynamicType = ()>>(ctx: &Context, resource: &K, reason: &str, note: String) {
    event(&ctx.recorder, resource, EventType::Warning, reason, note).await;
}

/// Events are a courtesy: one that can't be written is logged and stops nothing.
async fn event<K: Resource<DynamicType = ()>>(
    recorder: &Recorder,
    resource: &K,
    type_: EventType,
    reason: &str,
    mut note: String,
) {
    // The API server takes at most 1024 bytes.
    if note.len() > 1024 {
        let end = (0..=1020).rev().find(|end| note.is_char_boundary(*end)).unwrap_or_default();
        note.truncate(end);
        note.push('…');
    }
    let event = Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    if let Err(error) = recorder.publish(&event, &resource.object_ref(&())).await {
        tracing::warn!(name = resource.name_any(), error = describe(&error), "can't write an event");
    }
}
