//! Sets as archives: tar in zstd. The same set gives the same bytes; nothing in an archive can make
//! its reader write anywhere else, or without end.

mod buffers;
mod entries;
mod files;
mod frames;
mod in_order;
mod read;
mod stream;
mod tally;
mod write;

use std::{io, thread};

use thiserror::Error;

pub use read::{Form, unpack};
pub use write::pack;

/// An archive that was written or read.
#[derive(Clone, Debug, PartialEq)]
pub struct Archived {
    /// SHA-256 of the archive, hexadecimal.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// The bytes of the files in it.
    pub unpacked: u64,
}

/// How much a reader takes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Files and folders.
    pub entries: u64,
}

/// Why an archive is not written or not used.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The archive would be larger than allowed.
    #[error(
        "it would be larger than maxArchiveSize ({limit} bytes): raise it, or every member installs by itself"
    )]
    TooLarge {
        /// What is allowed.
        limit: u64,
    },
    /// Something in it that no package has.
    #[error("'{path}' {what}")]
    Hostile {
        /// Where in the archive.
        path: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It holds more than any set.
    #[error("it unpacks to more than {0} bytes or files")]
    Endless(u64),
    /// It is not what was stored.
    #[error("its digest is {found}, not {expected}")]
    Digest {
        /// What was stored.
        expected: String,
        /// What came.
        found: String,
    },
    /// It ends early, is no archive, or can't be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl ArchiveError {
    /// A failure of walking a set.
    fn of_walk(error: walkdir::Error) -> Self {
        Self::Io(error.into())
    }
}

/// How many threads work for an archive at one thing. Each holds some of it in memory.
fn threads() -> usize {
    thread::available_parallelism().map_or(2, |threads| threads.get().clamp(2, 4))
}

/// How many bytes these are, as files and archives count them.
fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
