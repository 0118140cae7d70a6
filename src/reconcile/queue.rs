//! The ways from watch events to the controllers' queues.

use std::collections::HashMap;

use futures::{Stream, stream};
use kube::{Resource, runtime::reflector::ObjectRef};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::links::Key;

/// The senders, by kind. A controller keeps one entry for each object, so a channel holds no more
/// than the events that it has not looked at yet.
#[derive(Default)]
pub struct Queues(HashMap<&'static str, UnboundedSender<Key>>);

impl Queues {
    /// Opens the queue of a kind.
    pub fn open(&mut self, kind: &'static str) -> UnboundedReceiver<Key> {
        let (sender, receiver) = unbounded_channel();
        self.0.insert(kind, sender);
        receiver
    }

    /// Asks for a reconcile of each.
    pub fn send(&self, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            if let Some(queue) = self.0.get(key.kind) {
                // Its controller has ended with the operator: nobody waits for it.
                let _ = queue.send(key);
            }
        }
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
