//! Wires watches, caches and controllers together.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Resource, ResourceExt,
    core::{DynamicObject, NamespaceResourceScope},
    runtime::{
        Controller,
        controller::{self, Action},
        reflector::{Store, store},
        watcher,
    },
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    Error, app,
    caches::{Cached, Caches, Guarded},
    compact::Compact,
    component::{self, kind_of},
    context::Context,
    lease::{Lease, lead},
    links::{Key, Links},
    members,
    pods::CachedPod,
    queue::requests,
    surroundings::FromCaches,
    watch::{Seen, describe, pruned, watch},
};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView},
    build::{OwnedKind, labels},
    settings::ReconcileSettings,
    telemetry::Metrics,
    validate::Surroundings,
};

/// How many resources of a kind are reconciled at a time.
const CONCURRENCY: u16 = 16;

/// Which namespaces are looked after.
#[derive(Clone, Debug)]
pub enum Scope {
    /// All of them.
    Cluster,
    /// One.
    Namespace(String),
}

impl Scope {
    /// Whether the namespace is one of them.
    pub fn holds(&self, namespace: &str) -> bool {
        match self {
            Self::Cluster => true,
            Self::Namespace(only) => only == namespace,
        }
    }

    fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match self {
            Self::Cluster => Api::all(client.clone()),
            Self::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
        }
    }

    fn dynamic(&self, client: &Client, kind: OwnedKind) -> Api<DynamicObject> {
        match self {
            Self::Cluster => Api::all_with(client.clone(), &kind.resource()),
            Self::Namespace(namespace) => Api::namespaced_with(client.clone(), namespace, &kind.resource()),
        }
    }
}

/// The watches and controllers, ready to run.
pub struct Operator {
    ctx: Arc<Context>,
    watches: Vec<BoxFuture<'static, ()>>,
    filled: CancellationToken,
    scope: Scope,
}

/// A watch that waits for what it tells of its objects.
type Watch = Box<dyn FnOnce(Arc<Context>) -> BoxFuture<'static, ()>>;

/// What the watches share while they are set up.
struct Setup {
    client: Client,
    scope: Scope,
    links: Arc<Mutex<Links>>,
    watches: Vec<Watch>,
}

impl Operator {
    /// Sets up everything; nothing is sent before `run`.
    pub fn new(client: Client, scope: Scope, settings: ReconcileSettings, metrics: Arc<Metrics>) -> Self {
        let links = Arc::new(Mutex::new(Links::default()));
        let mut setup =
            Setup { client: client.clone(), scope: scope.clone(), links: links.clone(), watches: Vec::new() };
        let caches = Caches {
            apps: setup.apps(),
            agents: setup.components::<KasprAgent>(),
            tables: setup.components::<KasprTable>(),
            tasks: setup.components::<KasprTask>(),
            webviews: setup.components::<KasprWebView>(),
            joins: setup.components::<KasprJoin>(),
            pods: setup.pods(),
            owned: OwnedKind::ALL.into_iter().map(|kind| (kind, setup.owned(kind))).collect(),
        };
        let ctx = Arc::new(Context::new(client, caches, settings, metrics, links));
        let watches = setup.watches.into_iter().map(|watch| watch(ctx.clone())).collect();
        Self { ctx, watches, filled: CancellationToken::new(), scope }
    }

    /// What the caches know of the resources of an app.
    pub fn surroundings(&self) -> Arc<dyn Surroundings> {
        Arc::new(FromCaches { ctx: self.ctx.clone(), scope: self.scope.clone(), filled: self.filled.clone() })
    }

    /// Is cancelled when every cache holds the complete list of its objects.
    pub fn filled(&self) -> CancellationToken {
        self.filled.clone()
    }

    /// Watches, and reconciles while the Lease is held, until it is told to stop; then what is under
    /// way ends, and the Lease is given back.
    ///
    /// The watches are given: until they are dropped, admission knows of other resources as before.
    pub async fn run(self, lease: Option<(Lease, kube::Config)>, stop: CancellationToken) -> JoinSet<()> {
        let mut watches = JoinSet::new();
        for watch in self.watches {
            watches.spawn(watch);
        }
        // A controller that starts with half a picture would take what it does not see for deleted.
        // Nobody else waits for the stores: each tells only the last one that asked.
        fill(&self.ctx.caches).await;
        self.filled.cancel();
        let ctx = &self.ctx;
        lead(lease, &ctx.metrics, &stop, || term(ctx, &stop)).await;
        watches
    }
}

/// Reconciles everything once, and then what changes, until it is told to stop.
async fn term(ctx: &Arc<Context>, stop: &CancellationToken) {
    // Another replica may have written since.
    ctx.applied.clear();
    ctx.forget_installs();
    let apps = ctx.look_after.open();
    let controllers = [
        control::<KasprApp, _, _>(ctx, stop, app::reconcile),
        control::<KasprAgent, _, _>(ctx, stop, component::reconcile),
        control::<KasprTable, _, _>(ctx, stop, component::reconcile),
        control::<KasprTask, _, _>(ctx, stop, component::reconcile),
        control::<KasprWebView, _, _>(ctx, stop, component::reconcile),
        control::<KasprJoin, _, _>(ctx, stop, component::reconcile),
    ];
    ask_for_all::<KasprApp>(ctx);
    ask_for_all::<KasprAgent>(ctx);
    ask_for_all::<KasprTable>(ctx);
    ask_for_all::<KasprTask>(ctx);
    ask_for_all::<KasprWebView>(ctx);
    ask_for_all::<KasprJoin>(ctx);
    tokio::select! {
        _ = futures::future::join_all(controllers) => {}
        () = members::run(ctx.clone(), apps) => {}
    }
}

fn ask_for_all<K: Cached>(ctx: &Context) {
    let all = K::store(&ctx.caches).state();
    ctx.queues.send(all.iter().map(|resource| Key::of(kind_of::<K>(), &**resource)));
}

async fn fill(caches: &Caches) {
    filled(&caches.apps).await;
    filled(&caches.agents).await;
    filled(&caches.tables).await;
    filled(&caches.tasks).await;
    filled(&caches.webviews).await;
    filled(&caches.joins).await;
    filled(&caches.pods).await;
    for store in caches.owned.values() {
        filled(store).await;
    }
}

/// The writer's end of a store lives as long as its watch, so an error means that the process ends.
async fn filled<K>(store: &Store<K>)
where
    K: kube::runtime::reflector::Lookup + Clone + 'static,
    K::DynamicType: Eq + std::hash::Hash + Clone,
{
    let _ = store.wait_until_ready().await;
}

impl Setup {
    fn apps(&mut self) -> Store<Guarded<KasprApp>> {
        self.resources::<KasprApp>(|links, key, seen| match seen {
            Some(_) => links.app_seen(&key),
            None => links.app_gone(&key),
        })
    }

    fn components<C: Cached>(&mut self) -> Store<Guarded<C>> {
        self.resources::<C>(|links, key, seen| match seen {
            Some(metadata) => links.component_seen(&key, metadata),
            None => links.component_gone(&key),
        })
    }

    fn resources<K: Cached>(
        &mut self,
        concerned: fn(&mut Links, Key, Option<&kube::core::ObjectMeta>) -> Vec<Key>,
    ) -> Store<Guarded<K>> {
        let kind = kind_of::<K>();
        let (reader, writer) = store();
        let api = self.scope.api::<Guarded<K>>(&self.client);
        let links = self.links.clone();
        self.watches.push(Box::new(move |ctx| {
            let tell = move |seen: Seen<Guarded<K>>| {
                let (key, metadata) = match seen {
                    Seen::There(resource) => (Key::of(kind, resource), Some(resource.meta())),
                    Seen::Gone(resource) => (Key::of(kind, resource), None),
                };
                let concerned = {
                    let mut links = links.lock().unwrap_or_else(PoisonError::into_inner);
                    concerned(&mut links, key.clone(), metadata)
                };
                if metadata.is_none() {
                    ctx.forget(&key);
                    // Its controller finds nothing there.
                    ctx.queues.send(concerned.into_iter().filter(|other| *other != key));
                } else {
                    ctx.queues.send(concerned);
                }
            };
            watch(api, watcher::Config::default(), writer, kind, pruned, tell).boxed()
        }));
        reader
    }

    /// The members' pods, by the label that the published operator's have too.
    fn pods(&mut self) -> Store<CachedPod> {
        let (reader, writer) = store();
        let api = self.scope.api::<Pod>(&self.client);
        let config =
            watcher::Config::default().labels(&format!("{}={}", labels::MANAGED_BY, labels::MANAGER));
        let links = self.links.clone();
        self.watches.push(Box::new(move |ctx| {
            let tell = move |seen: Seen<CachedPod>| {
                let mut links = links.lock().unwrap_or_else(PoisonError::into_inner);
                let (Seen::There(pod) | Seen::Gone(pod)) = seen;
                let Some(app) = &pod.app else { return };
                match seen {
                    Seen::There(pod) => links.pod_seen(app, &pod.name),
                    Seen::Gone(pod) => links.pod_gone(app, &pod.name),
                }
                drop(links);
                ctx.queues.send([app.clone()]);
            };
            watch(api, config, writer, "pods", CachedPod::from, tell).boxed()
        }));
        reader
    }

    /// What the operator made, by its label.
    fn owned(&mut self, kind: OwnedKind) -> Store<Compact> {
        let writer = kube::runtime::reflector::store::Writer::new(kind);
        let reader = writer.as_reader();
        let api = self.scope.dynamic(&self.client, kind);
        let config =
            watcher::Config::default().labels(&format!("{}={}", labels::MANAGED_BY, labels::MANAGER));
        self.watches.push(Box::new(move |ctx| {
            let tell = move |seen: Seen<Compact>| {
                match seen {
                    Seen::There(object) => ctx.applied.seen(kind, &object.namespace, &object.name),
                    Seen::Gone(object) => ctx.applied.gone(kind, &object.namespace, &object.name),
                }
                let (Seen::There(object) | Seen::Gone(object)) = seen;
                ctx.queues.send(object.owner.clone());
            };
            watch(api, config, writer, "owned objects", |object| pruned(object).into(), tell).boxed()
        }));
        reader
    }
}

/// A controller that reconciles what its queue asks for.
fn control<K, F, R>(ctx: &Arc<Context>, stop: &CancellationToken, reconcile: F) -> BoxFuture<'static, ()>
where
    K: Cached,
    F: Fn(Arc<Guarded<K>>, Arc<Context>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Action, Error>> + Send + 'static,
{
    let kind = kind_of::<K>();
    let queue = ctx.queues.open(kind);
    let stopped = stop.clone();
    let reconcile = move |resource: Arc<Guarded<K>>, ctx: Arc<Context>| {
        let key = Key::of(kind, &*resource);
        ctx.queues.taken(&key);
        let begun = Instant::now();
        reconcile(resource, ctx.clone()).inspect(move |result| {
            let error = result.as_ref().err().map(Error::kind);
            ctx.queues.about(&key, |of| ctx.metrics.reconciled(of, begun.elapsed(), error));
        })
    };
    let runs = Controller::for_stream(stream::pending(), K::store(&ctx.caches).clone())
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .reconcile_on(requests::<Guarded<K>>(queue))
        .graceful_shutdown_on(async move { stopped.cancelled().await })
        .run(reconcile, retry, ctx.clone());
    let ctx = ctx.clone();
    runs.for_each(move |result| {
        match result {
            Ok((done, _)) => ctx.failures.forget(kind, done.namespace.as_deref(), &done.name),
            // Deleted before its turn came.
            Err(controller::Error::ObjectNotFound(gone)) => {
                ctx.gone(&Key { kind, namespace: gone.namespace.unwrap_or_default(), name: gone.name });
            }
            Err(error) => {
                tracing::error!(kind, error = describe(&error), "a reconcile failed and is tried again")
            }
        }
        std::future::ready(())
    })
    .boxed()
}

fn retry<K: Resource<DynamicType = ()>>(resource: Arc<Guarded<K>>, _: &Error, ctx: Arc<Context>) -> Action {
    let pause = ctx.failures.pause(&K::kind(&()), resource.meta().namespace.as_deref(), &resource.name_any());
    Action::requeue(pause)
}
