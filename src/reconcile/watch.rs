//! The watches: they fill the caches and say what concerns whom.
//!
//! A deletion can be missed while a watch is away: what is in the cache and not in the next complete
//! list is gone.

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

/// What a watch tells.
#[derive(Clone, Copy)]
pub enum Seen<'a, K> {
    /// The object is there, new or changed.
    There(&'a K),
    /// The object is gone; this is what was known of it.
    Gone(&'a K),
}

/// Objects that a list brings at a time. All watches list at the start, and what they bring takes
/// many times the memory of what is kept of it.
const PAGE: u32 = 50;

/// Watches until the process ends. Errors are logged and tried again with a growing pause.
///
/// `keep` makes what is cached of an object, without what nobody reads. `tell` is called after the
/// cache was changed.
pub async fn watch<O, K>(
    api: Api<O>,
    config: watcher::Config,
    mut writer: Writer<K>,
    kind: &str,
    keep: fn(O) -> K,
    mut tell: impl FnMut(Seen<K>),
) where
    O: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    K: Lookup + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    let cached = writer.as_reader();
    let events = watcher::watcher(api, config.page_size(PAGE)).default_backoff();
    pin_mut!(events);
    let mut failing = false;
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => of_kept(event, keep),
            Err(error) => {
                tracing::warn!(kind, error = describe(&error), "the watch failed and is tried again");
                failing = true;
                continue;
            }
        };
        let before = if matches!(event, Event::InitDone) { cached.state() } else { Vec::new() };
        writer.apply_watcher_event(&event);
        match &event {
            // A list is in the cache when it is complete, and not before.
            Event::Init | Event::InitApply(_) => {}
            Event::InitDone => {
                let listed = cached.state();
                gone(&before, &listed).for_each(|object| tell(Seen::Gone(object)));
                listed.iter().for_each(|object| tell(Seen::There(object)));
            }
            Event::Apply(object) => tell(Seen::There(object)),
            Event::Delete(object) => tell(Seen::Gone(object)),
        }
        if std::mem::take(&mut failing) {
            tracing::info!(kind, "the watch works again");
        }
    }
}

fn of_kept<O, K>(event: Event<O>, keep: fn(O) -> K) -> Event<K> {
    match event {
        Event::Apply(object) => Event::Apply(keep(object)),
        Event::Delete(object) => Event::Delete(keep(object)),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(keep(object)),
        Event::InitDone => Event::InitDone,
    }
}

/// The objects that are no longer among those listed.
fn gone<'a, K: Lookup>(before: &'a [Arc<K>], listed: &[Arc<K>]) -> impl Iterator<Item = &'a K> {
    let names: HashSet<_> = listed.iter().map(|object| (object.namespace(), object.name())).collect();
    let gone: Vec<&K> = before
        .iter()
        .filter(|object| !names.contains(&(object.namespace(), object.name())))
        .map(|object| &**object)
        .collect();
    gone.into_iter()
}

/// Drops what nobody reads of any object: managed fields are often half of an object.
pub fn pruned<K: Resource>(mut object: K) -> K {
    let metadata = object.meta_mut();
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    object
}

/// An error with its causes: the outer ones only say where it was noticed.
pub fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        source = cause.source();
    }
    text
}
