//! Writes on a condition: that an object is new, or unchanged. Some S3-compatible stores refuse such writes, and some
//! ignore the condition. Both then receive plain writes: members may install concurrently, and the last one to write
//! wins. That is correct, because archives are addressed by content.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use object_store::{Error, ObjectStore, PutMode, PutPayload, PutResult, path::Path as Key};

use crate::installer::log::log;

/// A store that receives conditional writes as long as it honors them.
pub(super) struct ConditionalStore {
    /// The store, for everything but writes.
    pub store: Arc<dyn ObjectStore>,
    is_plain: AtomicBool,
    is_tested: AtomicBool,
}

impl ConditionalStore {
    /// Creates the writer of a store that is not known to ignore conditions.
    pub(super) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, is_plain: AtomicBool::default(), is_tested: AtomicBool::default() }
    }

    /// Whether the store is known not to honor conditions.
    pub(super) fn is_plain(&self) -> bool {
        self.is_plain.load(Ordering::Relaxed)
    }

    /// Writes an object. A condition is omitted if the store does not honor it.
    pub(super) async fn put(
        &self,
        key: &Key,
        payload: PutPayload,
        mode: PutMode,
    ) -> Result<PutResult, Error> {
        let mode = if self.is_plain() { PutMode::Overwrite } else { mode };
        let is_conditional = mode != PutMode::Overwrite;
        match self.store.put_opts(key, payload.clone(), mode.into()).await {
            Err(error) if is_conditional && is_unsupported(&error) => {
                self.set_plain("does not support");
                self.store.put_opts(key, payload, PutMode::Overwrite.into()).await
            }
            result => result,
        }
    }

    /// Creates an object. The first time, creates it twice, to find out whether the store ignores the condition.
    pub(super) async fn create(&self, key: &Key, payload: PutPayload) -> Result<PutResult, Error> {
        let first = self.put(key, payload.clone(), PutMode::Create).await?;
        if self.is_plain() || self.is_tested.swap(true, Ordering::Relaxed) {
            return Ok(first);
        }
        match self.put(key, payload, PutMode::Create).await {
            Ok(second) => {
                self.set_plain("ignores");
                Ok(second)
            }
            // The expected error; another one does not matter, because the object exists.
            Err(_) => Ok(first),
        }
    }

    fn set_plain(&self, what: &str) {
        if !self.is_plain.swap(true, Ordering::Relaxed) {
            log(&format!("the store {what} conditional writes; members may install concurrently"));
        }
    }
}

/// Whether a store refused a condition as such. object_store has no variant for the status.
fn is_unsupported(error: &Error) -> bool {
    let text = error.to_string();
    matches!(error, Error::NotImplemented { .. })
        || ["501 Not Implemented", "<Code>NotImplemented</Code>"].iter().any(|part| text.contains(part))
}
