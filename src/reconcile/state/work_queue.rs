//! The queues between watch events and controllers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use futures::{Stream, stream};
use kube::{Resource, runtime::reflector::ObjectRef};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::Instant,
};

use crate::{
    api::Kind,
    reconcile::cache::index::{AppIndex, ObjectKey},
    sync::lock,
    telemetry::{Metrics, metrics::ResourceLabels},
};

/// The senders, by kind. A controller keeps one entry for each object, so a channel holds no more than
/// the keys that the controller has not read yet.
///
/// A queue is open while this replica reconciles. Requests to a closed queue are dropped, because
/// everything is reconciled when it opens.
pub(crate) struct WorkQueues {
    senders: Mutex<HashMap<Kind, UnboundedSender<ObjectKey>>>,
    enqueued_at: Mutex<HashMap<ObjectKey, Instant>>,
    metrics: Arc<Metrics>,
    index: Arc<Mutex<AppIndex>>,
}

impl WorkQueues {
    /// Creates the queues, all closed.
    pub(crate) fn new(metrics: Arc<Metrics>, index: Arc<Mutex<AppIndex>>) -> Self {
        Self { senders: Mutex::default(), enqueued_at: Mutex::default(), metrics, index }
    }

    /// Opens the queue of a kind, in place of an earlier one.
    pub(crate) fn open(&self, kind: Kind) -> UnboundedReceiver<ObjectKey> {
        let (sender, receiver) = unbounded_channel();
        lock(&self.senders).insert(kind, sender);
        receiver
    }

    /// Requests a reconcile of each resource.
    pub(crate) fn send(&self, keys: impl IntoIterator<Item = ObjectKey>) {
        for key in keys {
            let sender = lock(&self.senders).get(&key.kind).cloned();
            // Without a running controller, nothing is queued.
            if sender.is_some_and(|queue| queue.send(key.clone()).is_ok()) {
                self.with_labels(&key, |labels| self.metrics.enqueued(labels));
                let mut enqueued_at = lock(&self.enqueued_at);
                enqueued_at.entry(key).or_insert_with(Instant::now);
            }
        }
    }

    /// Records that the reconcile of a resource starts.
    pub(crate) fn dequeued(&self, key: &ObjectKey) {
        let since = lock(&self.enqueued_at).remove(key);
        if let Some(since) = since {
            self.with_labels(key, |labels| self.metrics.dequeued(labels, since.elapsed()));
        }
    }

    /// Calls `record` with the metric labels of a resource.
    pub(crate) fn with_labels(&self, key: &ObjectKey, record: impl FnOnce(ResourceLabels<'_>)) {
        let app = lock(&self.index).app_name(key);
        record(ResourceLabels { app: &app, component: &key.name, namespace: &key.namespace });
    }
}

/// Converts a queue to the stream of requests that a controller reads.
pub(crate) fn requests<K>(receiver: UnboundedReceiver<ObjectKey>) -> impl Stream<Item = ObjectRef<K>> + Send
where
    K: Resource<DynamicType = ()> + Send + 'static,
{
    stream::unfold(receiver, |mut receiver| async {
        let key = receiver.recv().await?;
        Some((ObjectRef::new(&key.name).within(&key.namespace), receiver))
    })
}
