//! Sets up the watches: what each one caches, and what a change enqueues.

use std::sync::{Arc, Mutex};

use futures::{FutureExt, future::BoxFuture};
use k8s_openapi::api::{core::v1::Pod, storage::v1::StorageClass};
use kube::{
    Api, Client, Resource,
    core::{DynamicObject, ObjectMeta},
    runtime::{
        reflector::{Store, store, store::Writer},
        watcher,
    },
};

use super::{
    cache::{
        index::{AppIndex, ObjectKey},
        object::SerializedObject,
        pod::CachedPod,
        store::{Cached, Guarded},
        watch::{WatchChange, pruned, watch},
    },
    context::Context,
    scope::Scope,
};
use crate::{
    api::{KasprApp, Kind},
    naming::{MANAGED_BY_LABEL, MANAGER},
    resources::OwnedKind,
    sync::lock,
};

/// A watch that reports to the context it is started with.
type Watch = Box<dyn FnOnce(Arc<Context>) -> BoxFuture<'static, ()>>;

/// The watches while they are set up.
pub(super) struct Watches {
    client: Client,
    scope: Scope,
    index: Arc<Mutex<AppIndex>>,
    watches: Vec<Watch>,
}

impl Watches {
    /// No watch yet.
    pub(super) fn new(client: Client, scope: Scope, index: Arc<Mutex<AppIndex>>) -> Self {
        Self { client, scope, index, watches: Vec::new() }
    }

    /// Connects the watches to the context. They send nothing before they are polled.
    pub(super) fn start(self, ctx: &Arc<Context>) -> Vec<BoxFuture<'static, ()>> {
        self.watches.into_iter().map(|watch| watch(ctx.clone())).collect()
    }

    /// Watches the apps.
    pub(super) fn apps(&mut self) -> Store<Guarded<KasprApp>> {
        self.resources::<KasprApp>(|index, key, present| match present {
            Some(_) => index.insert_app(&key),
            None => index.remove_app(&key),
        })
    }

    /// Watches the components of a kind.
    pub(super) fn components<C: Cached>(&mut self) -> Store<Guarded<C>> {
        self.resources::<C>(|index, key, present| match present {
            Some(metadata) => index.insert_component(&key, metadata),
            None => index.remove_component(&key),
        })
    }

    fn resources<K: Cached>(
        &mut self,
        update_index: fn(&mut AppIndex, ObjectKey, Option<&ObjectMeta>) -> Vec<ObjectKey>,
    ) -> Store<Guarded<K>> {
        let (reader, writer) = store();
        let api = self.scope.api::<Guarded<K>>(&self.client);
        let index = self.index.clone();
        self.watches.push(Box::new(move |ctx| {
            let report = move |change: WatchChange<Guarded<K>>| {
                let (key, metadata) = match change {
                    WatchChange::Present(resource) => {
                        (ObjectKey::of_guarded(resource), Some(resource.meta()))
                    }
                    WatchChange::Deleted(resource) => (ObjectKey::of_guarded(resource), None),
                };
                let affected = update_index(&mut lock(&index), key.clone(), metadata);
                if metadata.is_none() {
                    ctx.forget(&key);
                    // Its own controller would find nothing.
                    ctx.queues.send(affected.into_iter().filter(|other| *other != key));
                } else {
                    ctx.queues.send(affected);
                }
            };
            watch(api, watcher::Config::default(), writer, K::KIND.name(), pruned, report).boxed()
        }));
        reader
    }

    /// Watches the members' pods, by the label that those of the Python operator have too.
    pub(super) fn pods(&mut self) -> Store<CachedPod> {
        let (reader, writer) = store();
        let api = self.scope.api::<Pod>(&self.client);
        let index = self.index.clone();
        self.watches.push(Box::new(move |ctx| {
            let report = move |change: WatchChange<CachedPod>| {
                let (WatchChange::Present(pod) | WatchChange::Deleted(pod)) = change;
                let Some(app) = &pod.app else { return };
                match change {
                    WatchChange::Present(pod) => lock(&index).insert_pod(app, &pod.name),
                    WatchChange::Deleted(pod) => lock(&index).remove_pod(app, &pod.name),
                }
                ctx.queues.send([app.clone()]);
            };
            watch(api, managed(), writer, "pods", CachedPod::from, report).boxed()
        }));
        reader
    }

    /// Watches the StorageClasses, if the operator manages the whole cluster.
    pub(super) fn storage_classes(&mut self) -> Option<Store<StorageClass>> {
        let Scope::Cluster = self.scope else { return None };
        let (reader, writer) = store();
        let api = Api::all(self.client.clone());
        self.watches.push(Box::new(move |_| {
            watch(api, watcher::Config::default(), writer, "storage classes", pruned, |_| {}).boxed()
        }));
        Some(reader)
    }

    /// Watches the objects of a kind that the operator made.
    pub(super) fn owned(&mut self, kind: OwnedKind) -> Store<SerializedObject> {
        let writer = Writer::new(kind);
        let reader = writer.as_reader();
        let api = self.scope.dynamic_api(&self.client, kind);
        let index = self.index.clone();
        self.watches.push(Box::new(move |ctx| {
            let report = move |change: WatchChange<SerializedObject>| {
                let exists = matches!(change, WatchChange::Present(_));
                match change {
                    WatchChange::Present(object) => {
                        ctx.applied.mark_seen(kind, &object.namespace, &object.name, &object.version);
                    }
                    WatchChange::Deleted(object) => {
                        ctx.applied.forget(kind, &object.namespace, &object.name);
                    }
                }
                let (WatchChange::Present(object) | WatchChange::Deleted(object)) = change;
                let app = object.owner.as_ref().filter(|owner| owner.kind == Kind::App);
                if let Some(app) = app.filter(|_| kind == OwnedKind::ConfigMap) {
                    lock(&index).set_config_map(app, &object.name, exists);
                }
                ctx.queues.send(object.owner.clone());
            };
            let convert = |object: DynamicObject| pruned(object).into();
            watch(api, managed(), writer, "owned objects", convert, report).boxed()
        }));
        reader
    }
}

/// Selects what the operator made.
fn managed() -> watcher::Config {
    watcher::Config::default().labels(&format!("{MANAGED_BY_LABEL}={MANAGER}"))
}
