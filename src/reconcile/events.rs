//! Kubernetes events.

use kube::{
    Resource, ResourceExt,
    runtime::events::{Event, EventType, Recorder},
};

use super::{context::Context, error::is_namespace_deleted};
use crate::error_chain::describe;

/// The longest note that the API server accepts, in bytes.
const MAX_NOTE_BYTES: usize = 1024;

/// Publishes an event of type Normal.
pub(super) async fn normal<K: Resource<DynamicType = ()>>(
    ctx: &Context,
    resource: &K,
    reason: &str,
    note: String,
) {
    // Successes differ each time, so there is no series to remember.
    publish(&ctx.fresh_recorder(), resource, EventType::Normal, reason, note).await;
}

/// Publishes an event of type Warning.
pub(super) async fn warning<K: Resource<DynamicType = ()>>(
    ctx: &Context,
    resource: &K,
    reason: &str,
    note: String,
) {
    publish(&ctx.recorder, resource, EventType::Warning, reason, note).await;
}

/// Publishes an event of type Warning with a text of its own. A repeated warning is only counted, with its first text, so
/// the caller publishes this one when something changed.
pub(super) async fn distinct_warning<K: Resource<DynamicType = ()>>(
    ctx: &Context,
    resource: &K,
    reason: &str,
    note: String,
) {
    publish(&ctx.fresh_recorder(), resource, EventType::Warning, reason, note).await;
}

/// Publishing is best effort: a failure is logged and stops nothing.
async fn publish<K: Resource<DynamicType = ()>>(
    recorder: &Recorder,
    resource: &K,
    type_: EventType,
    reason: &str,
    mut note: String,
) {
    if note.len() > MAX_NOTE_BYTES {
        // The ellipsis takes three bytes.
        note.truncate(note.floor_char_boundary(MAX_NOTE_BYTES - 3));
        note.push('…');
    }
    let event = Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    match recorder.publish(&event, &resource.object_ref(&())).await {
        Ok(()) => {}
        Err(kube::Error::Api(status)) if is_namespace_deleted(&status) => {}
        Err(error) => {
            tracing::warn!(name = resource.name_any(), error = describe(&error), "failed to publish an event")
        }
    }
}
