use sha2::{Digest, Sha256};

use super::length;

/// The digest and the size of what passes.
#[derive(Default)]
pub struct Tally {
    digest: Sha256,
    size: u64,
}

impl Tally {
    /// The size with so many bytes more.
    pub fn size_with(&self, bytes: &[u8]) -> u64 {
        self.size.saturating_add(length(bytes))
    }

    /// Takes the next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.size = self.size_with(bytes);
    }

    /// The digest in hexadecimal, and the size.
    pub fn end(self) -> (String, u64) {
        use std::fmt::Write;
        let digest = self.digest.finalize().iter().fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            _ = write!(text, "{byte:02x}");
            text
        });
        (digest, self.size)
    }
}
