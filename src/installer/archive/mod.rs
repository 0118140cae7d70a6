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

pub use error::ArchiveError;
pub use info::{ArchiveInfo, ArchiveLimits};
pub use read::{Compression, unpack};
pub use write::pack;
