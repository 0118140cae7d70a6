//! The watches: they fill the caches and report changes.
//!
//! A watch can miss a deletion while it is disconnected: an object that is cached but missing from the
//! next complete list was deleted.

use std::{collections::HashSet, fmt::Debug, hash::Hash, sync::Arc};

use futures::{StreamExt, pin_mut};
use kube::{
    Api, Resource,
    runtime::{
        WatchStreamExt,
        reflector::{Lookup, store::Writer},
        watcher::{self, Event},
    },
};
use serde::de::DeserializeOwned;

use crate::{api::annotations::KUBECTL_LAST_APPLIED, error_chain::describe};

/// A change that a watch reports.
#[derive(Clone, Copy)]
pub(crate) enum WatchChange<'a, K> {
    /// The object was added or modified.
    Present(&'a K),
    /// The object was deleted; this is its last known state.
    Deleted(&'a K),
}

/// Page size of lists. All watches list at the start, and a listed object takes many times the memory of
/// its cached form.
const PAGE_SIZE: u32 = 50;

/// Status code for a resource version that is too old, which is part of the normal course of a watch.
const GONE: u16 = 410;

/// Watches until the process ends. Errors are logged and retried with exponential backoff.
///
/// `convert` returns the cached form of an object. `report` is called after the cache changed.
pub(crate) async fn watch<O, K>(
    api: Api<O>,
    config: watcher::Config,
    mut writer: Writer<K>,
    kind: &str,
    convert: fn(O) -> K,
    mut report: impl FnMut(WatchChange<K>),
) where
    O: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    K: Lookup + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    let cached = writer.as_reader();
    let events = watcher::watcher(api, config.page_size(PAGE_SIZE)).default_backoff();
    pin_mut!(events);
    let mut failing = false;
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => convert_event(event, convert),
            // The API server compacted the version that the watch continued from: the next list replaces it.
            Err(watcher::Error::WatchError(status)) if status.code == GONE => {
                tracing::debug!(kind, "watch expired; listing again");
                continue;
            }
            Err(error) => {
                tracing::warn!(kind, error = describe(&error), "watch failed; retrying");
                failing = true;
                continue;
            }
        };
        let before = if matches!(event, Event::InitDone) { cached.state() } else { Vec::new() };
        writer.apply_watcher_event(&event);
        match &event {
            // A list reaches the cache only when it is complete.
            Event::Init | Event::InitApply(_) => {}
            Event::InitDone => {
                let listed = cached.state();
                missing(&before, &listed).for_each(|object| report(WatchChange::Deleted(object)));
                listed.iter().for_each(|object| report(WatchChange::Present(object)));
            }
            Event::Apply(object) => report(WatchChange::Present(object)),
            Event::Delete(object) => report(WatchChange::Deleted(object)),
        }
        if std::mem::take(&mut failing) {
            tracing::info!(kind, "watch recovered");
        }
    }
}

fn convert_event<O, K>(event: Event<O>, convert: fn(O) -> K) -> Event<K> {
    match event {
        Event::Apply(object) => Event::Apply(convert(object)),
        Event::Delete(object) => Event::Delete(convert(object)),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(convert(object)),
        Event::InitDone => Event::InitDone,
    }
}

/// Returns the objects that the new list lacks.
fn missing<'a, K: Lookup>(before: &'a [Arc<K>], listed: &[Arc<K>]) -> impl Iterator<Item = &'a K> {
    let names: HashSet<_> = listed.iter().map(|object| (object.namespace(), object.name())).collect();
    let missing: Vec<&K> = before
        .iter()
        .filter(|object| !names.contains(&(object.namespace(), object.name())))
        .map(|object| &**object)
        .collect();
    missing.into_iter()
}

/// Drops what the operator never reads of an object: managed fields are often half of it.
pub(crate) fn pruned<K: Resource>(mut object: K) -> K {
    let metadata = object.meta_mut();
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(KUBECTL_LAST_APPLIED);
    }
    object
}
