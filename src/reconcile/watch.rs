//! The watches: they fill the caches and say what concerns whom.
//!
//! A deletion can be missed while a watch is away, so each watch remembers what it has seen: what is
//! not in the next complete list is gone.

use std::{collections::HashSet, fmt::Debug, hash::Hash};

use futures::{StreamExt, pin_mut};
use kube::{
    Api, Resource, ResourceExt,
    runtime::{
        WatchStreamExt,
        reflector::store::Writer,
        watcher::{self, Event},
    },
};
use serde::de::DeserializeOwned;

/// What a watch tells.
pub enum Seen<'a, K> {
    /// The object is there, new or changed.
    There(&'a K),
    /// The object with this namespace and name is gone.
    Gone(&'a str, &'a str),
}

/// Watches until the process ends. Errors are logged and tried again with a growing pause.
///
/// `prune` drops what nobody reads. `tell` is called after the cache was changed.
pub async fn watch<K>(
    api: Api<K>,
    config: watcher::Config,
    writer: Writer<K>,
    kind: &str,
    prune: fn(&mut K),
    mut tell: impl FnMut(Seen<K>),
) where
    K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    let cached = writer.as_reader();
    let events = watcher::watcher(api, config).modify(prune).reflect(writer).default_backoff();
    pin_mut!(events);
    let mut known: HashSet<(String, String)> = HashSet::new();
    let mut failing = false;
    while let Some(event) = events.next().await {
        match event {
            // A list is in the cache when it is complete, and not before.
            Ok(Event::Init | Event::InitApply(_)) => {}
            Ok(Event::InitDone) => {
                let listed = cached.state();
                let names = listed.iter().map(|object| name_of(&**object)).collect();
                for (namespace, name) in std::mem::replace(&mut known, names).difference(&known) {
                    tell(Seen::Gone(namespace, name));
                }
                listed.iter().for_each(|object| tell(Seen::There(object)));
            }
            Ok(Event::Apply(object)) => {
                known.insert(name_of(&object));
                tell(Seen::There(&object));
            }
            Ok(Event::Delete(object)) => {
                let (namespace, name) = name_of(&object);
                known.remove(&(namespace.clone(), name.clone()));
                tell(Seen::Gone(&namespace, &name));
            }
            Err(error) => {
                tracing::warn!(kind, error = describe(&error), "the watch failed and is tried again");
                failing = true;
                continue;
            }
        }
        if std::mem::take(&mut failing) {
            tracing::info!(kind, "the watch works again");
        }
    }
}

fn name_of<K: Resource>(object: &K) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// Drops what nobody reads of any object: managed fields are often half of an object.
pub fn prune<K: Resource>(object: &mut K) {
    object.managed_fields_mut().clear();
    object.annotations_mut().remove("kubectl.kubernetes.io/last-applied-configuration");
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
