//! The caches that the watches fill.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use k8s_openapi::api::storage::v1::StorageClass;
use kube::{
    Resource, ResourceExt,
    core::{DeserializeGuard, DynamicObject, NamespaceResourceScope},
    runtime::reflector::{ObjectRef, Store},
};
use serde::de::DeserializeOwned;

use super::{index::ObjectKey, object::SerializedObject, pod::CachedPod};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprResource, KasprTable, KasprTask, KasprWebView},
    resources::OwnedKind,
};

/// Annotation of the StorageClass of claims that name none.
const DEFAULT_STORAGE_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// A resource, or why it does not parse: one unreadable object must not stop the watch.
pub(crate) type Guarded<K> = DeserializeGuard<K>;

/// The watch caches.
pub(crate) struct Caches {
    pub apps: Store<Guarded<KasprApp>>,
    pub agents: Store<Guarded<KasprAgent>>,
    pub tables: Store<Guarded<KasprTable>>,
    pub tasks: Store<Guarded<KasprTask>>,
    pub webviews: Store<Guarded<KasprWebView>>,
    pub joins: Store<Guarded<KasprJoin>>,
    pub pods: Store<CachedPod>,
    pub owned: BTreeMap<OwnedKind, Store<SerializedObject>>,
    /// `None` if the operator manages one namespace: StorageClasses belong to the cluster.
    pub storage_classes: Option<Store<StorageClass>>,
}

/// A resource type with a cache.
pub(crate) trait Cached:
    Clone
    + Debug
    + DeserializeOwned
    + KasprResource
    + Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Send
    + Sync
    + 'static
{
    /// Returns the cache of the type.
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
    /// Returns a resource of one of the six kinds.
    pub(crate) fn get<K: Cached>(&self, key: &ObjectKey) -> Option<Arc<Guarded<K>>> {
        K::store(self).get(&ObjectRef::new(&key.name).within(&key.namespace))
    }

    /// Returns the pod of a member.
    pub(crate) fn pod(&self, namespace: &str, name: &str) -> Option<Arc<CachedPod>> {
        self.pods.get(&ObjectRef::new(name).within(namespace))
    }

    /// Returns an object that the operator made.
    pub(crate) fn owned(&self, kind: OwnedKind, namespace: &str, name: &str) -> Option<DynamicObject> {
        self.serialized(kind, namespace, name)?.parse(kind)
    }

    /// Returns a StorageClass by name, or the default one, if the operator knows them.
    pub(crate) fn storage_class(&self, name: Option<&str>) -> Option<Arc<StorageClass>> {
        let classes = self.storage_classes.as_ref()?;
        match name {
            Some(name) => classes.get(&ObjectRef::new(name)),
            None => classes.find(|class| {
                class.annotations().get(DEFAULT_STORAGE_CLASS).is_some_and(|default| default == "true")
            }),
        }
    }

    /// Returns whether an object that the operator made exists.
    pub(crate) fn contains(&self, kind: OwnedKind, namespace: &str, name: &str) -> bool {
        self.serialized(kind, namespace, name).is_some()
    }

    /// Returns an object that the operator made, in serialized form.
    pub(crate) fn serialized(
        &self,
        kind: OwnedKind,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<SerializedObject>> {
        self.owned.get(&kind)?.get(&ObjectRef::new_with(name, kind).within(namespace))
    }
}
