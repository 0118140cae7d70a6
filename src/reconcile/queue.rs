//! The ways from watch events to the controllers' queues.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{Stream, stream};
use kube::{Resource, runtime::reflector::ObjectRef};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::Instant,
};

use super::links::{Key, Links};
use crate::telemetry::{Metrics, metrics::Of};

/// The senders, by kind. A controller keeps one entry for each object, so a channel holds no more
/// than the events that it has not looked at yet.
///
/// A queue is open while this replica reconciles; otherwise wishes are dropped, because everything
/// is looked at when it begins.
pub struct Queues {
    senders: Mutex<HashMap<&'static str, UnboundedSender<Key>>>,
    since: Mutex<HashMap<Key, Instant>>,
    metrics: Arc<Metrics>,
    links: Arc<Mutex<Links>>,
}

impl Queues {
    /// No queue is open yet.
    pub fn new(metrics: Arc<Metrics>, links: Arc<Mutex<Links>>) -> Self {
        Self { senders: Mutex::default(), since: Mutex::default(), metrics, links }
    }

    /// Opens the queue of a kind, in place of an earlier one.
    pub fn open(&self, kind: &'static str) -> UnboundedReceiver<Key> {
        let (sender, receiver) = unbounded_channel();
        self.senders.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, sender);
        receiver
    }

    /// Asks for a reconcile of each.
    pub fn send(&self, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            let sender = self.senders.lock().unwrap_or_else(PoisonError::into_inner).get(key.kind).cloned();
            // Its controller has ended: nobody waits for it.
            if sender.is_some_and(|queue| queue.send(key.clone()).is_ok()) {
                self.about(&key, |of| self.metrics.queued(of));
                let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
                since.entry(key).or_insert_with(Instant::now);
            }
        }
    }

    /// The turn of a resource has come.
    pub fn taken(&self, key: &Key) {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        if let Some(since) = since {
            self.about(key, |of| self.metrics.dequeued(of, since.elapsed()));
        }
    }

    /// Whose metrics those of a resource are.
    pub fn about(&self, key: &Key, tell: impl FnOnce(Of<'_>)) {
        let app = self.links.lock().unwrap_or_else(PoisonError::into_inner).app_of(key);
        tell(Of { app: &app, component: &key.name, namespace: &key.namespace });
    }
}

/// What a controller reconciles next.
pub fn requests<K>(receiver: UnboundedReceiver<Key>) -> impl Stream<Item = ObjectRef<K>> + Send
where
    K: Resource<DynamicType = ()> + Send + 'static,
{
    stream::unfold(receiver, |mut receiver| async {
        let key = receiver.recv().await?;
        Some((ObjectRef::new(&key.name).within(&key.namespace), receiver))
    })
}
