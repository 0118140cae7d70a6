//! What the operator knows of the API server's objects without asking.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use kube::{
    Resource,
    core::{DeserializeGuard, DynamicObject, NamespaceResourceScope},
    runtime::reflector::{ObjectRef, Store},
};
use serde::de::DeserializeOwned;

use super::{compact::Compact, links::Key, pods::CachedPod};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView},
    build::OwnedKind,
};

/// A resource, or why the types can't read it: one unreadable object must not stop its watch.
pub type Guarded<K> = DeserializeGuard<K>;

/// The watch caches.
pub struct Caches {
    pub apps: Store<Guarded<KasprApp>>,
    pub agents: Store<Guarded<KasprAgent>>,
    pub tables: Store<Guarded<KasprTable>>,
    pub tasks: Store<Guarded<KasprTask>>,
    pub webviews: Store<Guarded<KasprWebView>>,
    pub joins: Store<Guarded<KasprJoin>>,
    pub pods: Store<CachedPod>,
    pub owned: BTreeMap<OwnedKind, Store<Compact>>,
}

/// A kind with a cache.
pub trait Cached:
    Clone
    + Debug
    + DeserializeOwned
    + Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Send
    + Sync
    + 'static
{
    /// Its cache.
    fn store(caches: &Caches) -> &Store<Guarded<Self>>;
}

macro_rules! cached {
    ($($type:ty => $field:ident),* $(,)?) => {
        $(impl Cached for $type {
            fn store(caches: &Caches) -> &Store<Guarded<Self>> {
                &caches.$field
            }
        })*
    };
}

cached! {
    KasprApp => apps,
    KasprAgent => agents,
    KasprTable => tables,
    KasprTask => tasks,
    KasprWebView => webviews,
    KasprJoin => joins,
}

impl Caches {
    /// A resource of ours.
    pub fn get<K: Cached>(&self, key: &Key) -> Option<Arc<Guarded<K>>> {
        K::store(self).get(&ObjectRef::new(&key.name).within(&key.namespace))
    }

    /// A member's pod.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<Arc<CachedPod>> {
        self.pods.get(&ObjectRef::new(name).within(namespace))
    }

    /// An object that the operator made.
    pub fn owned(&self, kind: OwnedKind, namespace: &str, name: &str) -> Option<DynamicObject> {
        self.compact(kind, namespace, name)?.object(kind)
    }

    /// Whether an object that the operator made is there.
    pub fn has(&self, kind: OwnedKind, namespace: &str, name: &str) -> bool {
        self.compact(kind, namespace, name).is_some()
    }

    /// An object that the operator made, as it is kept.
    pub fn compact(&self, kind: OwnedKind, namespace: &str, name: &str) -> Option<Arc<Compact>> {
        self.owned.get(&kind)?.get(&ObjectRef::new_with(name, kind).within(namespace))
    }
}
