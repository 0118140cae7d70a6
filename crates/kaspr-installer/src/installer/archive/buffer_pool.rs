//! Reusable buffers.

use std::sync::{Arc, Mutex};

use crate::sync::lock;

/// A pool of buffers. The kernel takes as long to provide fresh memory as it takes to write a file,
/// so buffers are reused.
#[derive(Clone, Default)]
pub(super) struct BufferPool(Arc<Mutex<Vec<Vec<u8>>>>);

impl BufferPool {
    /// Returns an empty buffer.
    pub(super) fn acquire(&self) -> Vec<u8> {
        let mut buffer = lock(&self.0).pop().unwrap_or_default();
        buffer.clear();
        buffer
    }

    /// Takes a buffer back for reuse.
    pub(super) fn release(&self, buffer: Vec<u8>) {
        lock(&self.0).push(buffer);
    }
}
