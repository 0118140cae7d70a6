//! Wires watches, caches and controllers together.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use kube::{
    Client,
    runtime::{
        Controller,
        controller::{self, Action},
        reflector::Store,
    },
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    ReconcileError, app,
    app_context::CachedAppContext,
    cache::{
        index::{AppIndex, ObjectKey},
        store::{Cached, Caches, Guarded},
    },
    component,
    context::Context,
    leader_election::{LeaseConfig, lead},
    members::monitor,
    scope::Scope,
    state::work_queue::requests,
    watches::Watches,
};
use crate::{
    api::{KasprAgent, KasprApp, KasprJoin, KasprTable, KasprTask, KasprWebView},
    error_chain::describe,
    resources::OwnedKind,
    settings::ReconcileSettings,
    telemetry::Metrics,
    validate::AppContextProvider,
};

/// How many resources of a kind are reconciled concurrently.
const CONCURRENCY: u16 = 16;

/// The watches and controllers, ready to run.
pub struct Operator {
    ctx: Arc<Context>,
    watches: Vec<BoxFuture<'static, ()>>,
    filled: CancellationToken,
    scope: Scope,
}

impl Operator {
    /// Sets up everything; sends nothing before [`Operator::run`].
    #[must_use]
    pub fn new(client: Client, scope: Scope, settings: ReconcileSettings, metrics: Arc<Metrics>) -> Self {
        let index = Arc::new(Mutex::new(AppIndex::default()));
        let mut watches = Watches::new(client.clone(), scope.clone(), index.clone());
        let caches = Caches {
            apps: watches.apps(),
            agents: watches.components::<KasprAgent>(),
            tables: watches.components::<KasprTable>(),
            tasks: watches.components::<KasprTask>(),
            webviews: watches.components::<KasprWebView>(),
            joins: watches.components::<KasprJoin>(),
            pods: watches.pods(),
            owned: OwnedKind::ALL.into_iter().map(|kind| (kind, watches.owned(kind))).collect(),
            // Nothing waits for this cache: it only improves messages.
            storage_classes: watches.storage_classes(),
        };
        let ctx = Arc::new(Context::new(client, caches, settings, metrics, index));
        let watches = watches.start(&ctx);
        Self { ctx, watches, filled: CancellationToken::new(), scope }
    }

    /// Returns what the caches contain about the resources of an app.
    #[must_use]
    pub fn app_context_provider(&self) -> Arc<dyn AppContextProvider> {
        let (ctx, scope, filled) = (self.ctx.clone(), self.scope.clone(), self.filled.clone());
        Arc::new(CachedAppContext { ctx, scope, filled })
    }

    /// Returns a token that is cancelled when every cache is complete.
    #[must_use]
    pub fn filled(&self) -> CancellationToken {
        self.filled.clone()
    }

    /// Watches, and reconciles while this replica holds the Lease, until `stop`; then finishes the
    /// operations in progress and releases the Lease.
    ///
    /// Returns the watches: until they are dropped, admission keeps its knowledge of other resources.
    pub async fn run(
        self,
        lease: Option<(LeaseConfig, kube::Config)>,
        stop: CancellationToken,
    ) -> JoinSet<()> {
        let mut watches = JoinSet::new();
        for watch in self.watches {
            watches.spawn(watch);
        }
        // A controller that starts with an incomplete cache would take what is missing for deleted.
        // Nothing else may wait for the stores: each notifies only the last waiter.
        wait_for_caches(&self.ctx.caches).await;
        self.filled.cancel();
        let ctx = &self.ctx;
        lead(lease, &ctx.metrics, &stop, || reconcile_until(ctx, &stop)).await;
        watches
    }
}

/// Reconciles everything once, and then what changes, until `stop`.
async fn reconcile_until(ctx: &Arc<Context>, stop: &CancellationToken) {
    // Another replica may have written meanwhile.
    ctx.applied.clear();
    ctx.counted_installs.clear();
    ctx.refused.clear();
    let apps = ctx.monitor_queue.open();
    let controllers = [
        run_controller::<KasprApp, _, _>(ctx, stop, app::reconcile),
        run_controller::<KasprAgent, _, _>(ctx, stop, component::reconcile),
        run_controller::<KasprTable, _, _>(ctx, stop, component::reconcile),
        run_controller::<KasprTask, _, _>(ctx, stop, component::reconcile),
        run_controller::<KasprWebView, _, _>(ctx, stop, component::reconcile),
        run_controller::<KasprJoin, _, _>(ctx, stop, component::reconcile),
    ];
    enqueue_all::<KasprApp>(ctx);
    enqueue_all::<KasprAgent>(ctx);
    enqueue_all::<KasprTable>(ctx);
    enqueue_all::<KasprTask>(ctx);
    enqueue_all::<KasprWebView>(ctx);
    enqueue_all::<KasprJoin>(ctx);
    tokio::select! {
        _ = futures::future::join_all(controllers) => {}
        () = monitor::run(ctx.clone(), apps) => {}
    }
}

fn enqueue_all<K: Cached>(ctx: &Context) {
    let all = K::store(&ctx.caches).state();
    let readable = all.iter().map(|resource| ObjectKey::of_guarded(&**resource));
    ctx.queues.send(readable);
}

async fn wait_for_caches(caches: &Caches) {
    wait_for_store(&caches.apps).await;
    wait_for_store(&caches.agents).await;
    wait_for_store(&caches.tables).await;
    wait_for_store(&caches.tasks).await;
    wait_for_store(&caches.webviews).await;
    wait_for_store(&caches.joins).await;
    wait_for_store(&caches.pods).await;
    for store in caches.owned.values() {
        wait_for_store(store).await;
    }
}

/// The writer of a store lives as long as its watch, so an error means that the process is ending.
async fn wait_for_store<K>(store: &Store<K>)
where
    K: kube::runtime::reflector::Lookup + Clone + 'static,
    K::DynamicType: Eq + std::hash::Hash + Clone,
{
    let _ = store.wait_until_ready().await;
}

/// Runs a controller that reconciles what its queue requests.
fn run_controller<K, F, R>(
    ctx: &Arc<Context>,
    stop: &CancellationToken,
    reconcile: F,
) -> BoxFuture<'static, ()>
where
    K: Cached,
    F: Fn(Arc<Guarded<K>>, Arc<Context>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Action, ReconcileError>> + Send + 'static,
{
    let queue = ctx.queues.open(K::KIND);
    let stopped = stop.clone();
    let reconcile = move |resource: Arc<Guarded<K>>, ctx: Arc<Context>| {
        let key = ObjectKey::of_guarded(&*resource);
        ctx.queues.dequeued(&key);
        let begun = Instant::now();
        reconcile(resource, ctx.clone()).map(without_gone).inspect(move |result| {
            let error = result.as_ref().err().map(ReconcileError::metric_label);
            ctx.queues.with_labels(&key, |labels| ctx.metrics.reconciled(labels, begun.elapsed(), error));
        })
    };
    let runs = Controller::for_stream(stream::pending(), K::store(&ctx.caches).clone())
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .reconcile_on(requests::<Guarded<K>>(queue))
        .graceful_shutdown_on(async move { stopped.cancelled().await })
        .run(reconcile, retry, ctx.clone());
    let ctx = ctx.clone();
    runs.for_each(move |result| {
        let key = |namespace: Option<String>, name: String| ObjectKey {
            kind: K::KIND,
            namespace: namespace.unwrap_or_default(),
            name,
        };
        match result {
            Ok((done, _)) => {
                let key = key(done.namespace, done.name);
                if ctx.backoff.forget(&key) {
                    tracing::info!(kind = %K::KIND, name = key.name, namespace = key.namespace, "reconcile recovered");
                }
            }
            // Deleted before its turn in the queue.
            Err(controller::Error::ObjectNotFound(gone)) => {
                ctx.forget_queued(&key(gone.namespace, gone.name));
            }
            // Logged where it happened.
            Err(controller::Error::ReconcilerFailed(..)) => {}
            Err(error) => {
                tracing::error!(kind = %K::KIND, error = describe(&error), "reconcile failed; will retry");
            }
        }
        std::future::ready(())
    })
    .boxed()
}

/// A resource that is gone, or whose namespace is being deleted, needs nothing more.
fn without_gone(result: Result<Action, ReconcileError>) -> Result<Action, ReconcileError> {
    match result {
        Err(error) if error.is_gone() => Ok(Action::await_change()),
        result => result,
    }
}

/// Logs the first failure of a resource and returns when to try again. What follows is the same failure, or shows in
/// the status.
fn retry<K: Cached>(resource: Arc<Guarded<K>>, error: &ReconcileError, ctx: Arc<Context>) -> Action {
    let key = ObjectKey::of_guarded(&*resource);
    let (kind, name, namespace) = (K::KIND, &key.name, &key.namespace);
    if matches!(error, ReconcileError::Refused { .. }) {
        return Action::requeue(ctx.refusal_backoff.next_delay(&key));
    }
    let text = describe(error);
    // Another client changed the object meanwhile, which the next attempt reads.
    if error.is_conflict() || ctx.backoff.is_failing(&key) {
        tracing::debug!(%kind, name, namespace, error = text, "reconcile failed; will retry");
    } else {
        tracing::error!(%kind, name, namespace, error = text, "reconcile failed; will retry");
    }
    Action::requeue(ctx.backoff.next_delay(&key))
}
