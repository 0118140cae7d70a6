//! Errors of archives.

use std::io;

use thiserror::Error;

/// Why an archive is not written or not used.
#[derive(Debug, Error)]
pub(crate) enum ArchiveError {
    /// The archive would be larger than allowed.
    #[error(
        "the archive would be larger than maxArchiveSize ({limit} bytes): raise it, or every member installs by itself"
    )]
    TooLarge {
        /// Limit in bytes.
        limit: u64,
    },
    /// The archive contains an entry that no package has.
    #[error("'{path}' {what}")]
    UnsafeEntry {
        /// Path of the entry in the archive.
        path: String,
        /// What is wrong with the entry.
        what: &'static str,
    },
    /// The archive contains more than any package set.
    #[error("the archive unpacks to more than {0} bytes or contains too many files")]
    LimitExceeded(u64),
    /// The archive is not the one that was stored.
    #[error("the digest is {found}, not {expected}")]
    Digest {
        /// Digest of the archive that was stored.
        expected: String,
        /// Digest of the archive that was read.
        found: String,
    },
    /// The archive is truncated, is not an archive, or reading or writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl ArchiveError {
    /// Converts an error of walking through the files of a set.
    pub(super) fn from_walkdir(error: walkdir::Error) -> Self {
        Self::Io(error.into())
    }
}
