//! Package sets as archives: tar in zstd. The same set always produces the same bytes. An archive
//! cannot make its reader write outside of the target directory, or without limit.

mod buffer_pool;
mod entries;
mod error;
mod files;
mod frames;
mod hashing;
mod info;
mod ordered_pool;
mod read;
mod sizes;
mod stream;
mod write;

pub(super) use error::ArchiveError;
pub(super) use info::{ArchiveInfo, ArchiveLimits};
pub(super) use read::{Compression, unpack};
pub(super) use write::pack;
