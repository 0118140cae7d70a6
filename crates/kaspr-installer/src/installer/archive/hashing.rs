//! Digest and size of an archive while it is read or written.

use sha2::{Digest, Sha256};

use super::sizes::byte_len;

/// Computes the digest and the size of a stream of bytes.
#[derive(Default)]
pub(super) struct ArchiveHasher {
    digest: Sha256,
    size: u64,
}

impl ArchiveHasher {
    /// Returns the size that the stream would have with these bytes appended.
    pub(super) fn size_with(&self, bytes: &[u8]) -> u64 {
        self.size.saturating_add(byte_len(bytes))
    }

    /// Appends the next bytes of the stream.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.size = self.size_with(bytes);
    }

    /// Returns the SHA-256 digest in hexadecimal, and the size in bytes.
    pub(super) fn finish(self) -> (String, u64) {
        use std::fmt::Write;
        let digest = self.digest.finalize().iter().fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            _ = write!(text, "{byte:02x}");
            text
        });
        (digest, self.size)
    }
}
