//! Wires watches, caches and controllers together.

use std::sync::{Arc, Mutex, PoisonError};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
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
use tokio::{sync::mpsc::UnboundedReceiver, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    Error, app,
    caches::{Cached, Caches, Guarded},
    component::{self, Reconciled},
    context::Context,
    links::{APP, Key, Links},
    queue::{Queues, requests},
    surroundings::FromCaches,
    watch::{Seen, describe, watch},
};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView},
    build::{OwnedKind, labels},
    settings::BuildSettings,
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
    controllers: Vec<BoxFuture<'static, ()>>,
    filled: CancellationToken,
    scope: Scope,
}

/// A watch that waits for what it tells of its objects.
type Watch = Box<dyn FnOnce(Arc<Queues>, Arc<Context>) -> BoxFuture<'static, ()>>;

/// What the watches share while they are set up.
struct Setup {
    client: Client,
    scope: Scope,
    links: Arc<Mutex<Links>>,
    watches: Vec<Watch>,
}

impl Operator {
    /// Sets up everything; nothing is sent before `run`.
    pub fn new(client: Client, scope: Scope, settings: BuildSettings, stop: &CancellationToken) -> Self {
        let links = Arc::new(Mutex::new(Links::default()));
        let mut setup =
            Setup { client: client.clone(), scope: scope.clone(), links: links.clone(), watches: Vec::new() };
        let caches = Caches {
            apps: setup.apps(),
            agents: setup.components::<KasprAgent>("KasprAgent"),
            tables: setup.components::<KasprTable>("KasprTable"),
            tasks: setup.components::<KasprTask>("KasprTask"),
            webviews: setup.components::<KasprWebView>("KasprWebView"),
            joins: setup.components::<KasprJoin>("KasprJoin"),
            owned: OwnedKind::ALL.into_iter().map(|kind| (kind, setup.owned(kind))).collect(),
        };
        let ctx = Arc::new(Context::new(client, caches, settings, links));
        let mut queues = Queues::default();
        let controllers = vec![
            control::<KasprApp, _, _>(&ctx, queues.open(APP), stop, app::reconcile),
            components::<KasprAgent>(&ctx, queues.open("KasprAgent"), stop),
            components::<KasprTable>(&ctx, queues.open("KasprTable"), stop),
            components::<KasprTask>(&ctx, queues.open("KasprTask"), stop),
            components::<KasprWebView>(&ctx, queues.open("KasprWebView"), stop),
            components::<KasprJoin>(&ctx, queues.open("KasprJoin"), stop),
        ];
        let queues = Arc::new(queues);
        let watches = setup.watches.into_iter().map(|watch| watch(queues.clone(), ctx.clone())).collect();
        Self { ctx, watches, controllers, filled: CancellationToken::new(), scope }
    }

    /// What the caches know of the resources of an app.
    pub fn surroundings(&self) -> Arc<dyn Surroundings> {
        Arc::new(FromCaches { ctx: self.ctx.clone(), scope: self.scope.clone(), filled: self.filled.clone() })
    }

    /// Is cancelled when every cache holds the complete list of its objects.
    pub fn filled(&self) -> CancellationToken {
        self.filled.clone()
    }

    /// Reconciles until it is told to stop; then what is under way ends.
    pub async fn run(self) {
        let mut watches = JoinSet::new();
        for watch in self.watches {
            watches.spawn(watch);
        }
        // A controller that starts with half a picture would take what it does not see for deleted.
        // Nobody else waits for the stores: each tells only the last one that asked.
        fill(&self.ctx.caches).await;
        self.filled.cancel();
        futures::future::join_all(self.controllers).await;
    }
}

async fn fill(caches: &Caches) {
    filled(&caches.apps).await;
    filled(&caches.agents).await;
    filled(&caches.tables).await;
    filled(&caches.tasks).await;
    filled(&caches.webviews).await;
    filled(&caches.joins).await;
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
        self.resources::<KasprApp>(APP, |links, key, seen| match seen {
            Some(_) => links.app_seen(&key),
            None => links.app_gone(&key),
        })
    }

    fn components<C: Cached>(&mut self, kind: &'static str) -> Store<Guarded<C>> {
        self.resources::<C>(kind, |links, key, seen| match seen {
            Some(metadata) => links.component_seen(&key, metadata),
            None => links.component_gone(&key),
        })
    }

    fn resources<K: Cached>(
        &mut self,
        kind: &'static str,
        concerned: fn(&mut Links, Key, Option<&kube::core::ObjectMeta>) -> Vec<Key>,
    ) -> Store<Guarded<K>> {
        let (reader, writer) = store();
        let api = self.scope.api::<Guarded<K>>(&self.client);
        let links = self.links.clone();
        self.watches.push(Box::new(move |queues, ctx| {
            let tell = move |seen: Seen<Guarded<K>>| {
                let (key, metadata) = match seen {
                    Seen::There(resource) => (Key::of(kind, resource), Some(resource.meta())),
                    Seen::Gone(namespace, name) => {
                        (Key { kind, namespace: namespace.to_owned(), name: name.to_owned() }, None)
                    }
                };
                if metadata.is_none() {
                    ctx.told.forget(&key);
                }
                let mut links = links.lock().unwrap_or_else(PoisonError::into_inner);
                queues.send(concerned(&mut links, key, metadata));
            };
            watch(api, watcher::Config::default(), writer, kind, tell).boxed()
        }));
        reader
    }

    /// What the operator made, by its label.
    fn owned(&mut self, kind: OwnedKind) -> Store<DynamicObject> {
        let writer = kube::runtime::reflector::store::Writer::new(kind.resource());
        let reader = writer.as_reader();
        let api = self.scope.dynamic(&self.client, kind);
        let config =
            watcher::Config::default().labels(&format!("{}={}", labels::MANAGED_BY, labels::MANAGER));
        self.watches.push(Box::new(move |queues, ctx| {
            let mut owners = std::collections::HashMap::<(String, String), Key>::new();
            let tell = move |seen: Seen<DynamicObject>| match seen {
                Seen::There(object) => {
                    let place = (
                        object.metadata.namespace.clone().unwrap_or_default(),
                        object.metadata.name.clone().unwrap_or_default(),
                    );
                    ctx.applied.seen(kind, &place.0, &place.1);
                    if let Some(owner) = Key::controller(&object.metadata) {
                        owners.insert(place, owner.clone());
                        queues.send([owner]);
                    }
                }
                Seen::Gone(namespace, name) => {
                    ctx.applied.gone(kind, namespace, name);
                    queues.send(owners.remove(&(namespace.to_owned(), name.to_owned())));
                }
            };
            watch(api, config, writer, "owned objects", tell).boxed()
        }));
        reader
    }
}

fn components<C: Reconciled>(
    ctx: &Arc<Context>,
    queue: UnboundedReceiver<Key>,
    stop: &CancellationToken,
) -> BoxFuture<'static, ()> {
    control::<C, _, _>(ctx, queue, stop, component::reconcile::<C>)
}

fn control<K, F, R>(
    ctx: &Arc<Context>,
    queue: UnboundedReceiver<Key>,
    stop: &CancellationToken,
    reconcile: F,
) -> BoxFuture<'static, ()>
where
    K: Cached,
    F: FnMut(Arc<Guarded<K>>, Arc<Context>) -> R + Send + 'static,
    R: Future<Output = Result<Action, Error>> + Send + 'static,
{
    let kind = K::kind(&()).into_owned();
    let stopped = stop.clone();
    let runs = Controller::for_stream(stream::pending(), K::store(&ctx.caches).clone())
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .reconcile_on(requests::<Guarded<K>>(queue))
        .graceful_shutdown_on(async move { stopped.cancelled().await })
        .run(reconcile, retry, ctx.clone());
    let ctx = ctx.clone();
    runs.for_each(move |result| {
        match result {
            Ok((done, _)) => ctx.failures.forget(&kind, done.namespace.as_deref(), &done.name),
            // Deleted before its turn came.
            Err(controller::Error::ObjectNotFound(_)) => {}
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
