//! Where sets are kept between starts: nowhere, in a volume that all members share, or in a bucket.

mod bucket;
mod bucket_lease;
mod gcs;
mod nowhere;
mod open;
mod shared;

use std::{path::Path, time::Duration};

use thiserror::Error;

pub use bucket::Bucket;
pub use nowhere::Nowhere;
pub use open::{Place, open};
pub use shared::Shared;

use super::{
    archive::ArchiveError,
    lease::Asked,
    set::{SetInfo, SetName},
};

/// Where sets are kept. Nothing that goes wrong here may keep a member from starting.
pub trait Store: Sync {
    /// A lease that this process holds.
    type Held: Send;

    /// Fetches a set into an empty folder. None: the store has not got it.
    ///
    /// Errors: the store does not answer, or what it has is of no use; the folder then holds rubbish.
    fn fetch(
        &self,
        set: &SetName,
        into: &Path,
    ) -> impl Future<Output = Result<Option<Fetched>, StoreError>> + Send;

    /// Keeps a set; `scratch` is for what is only needed meanwhile.
    ///
    /// Errors: the set is not kept.
    fn publish(
        &self,
        info: &SetInfo,
        from: &Path,
        scratch: &Path,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Asks for the lease of a set. One that was not renewed for `holds` is free.
    fn lease(
        &self,
        set: &SetName,
        holds: Duration,
    ) -> impl Future<Output = Result<Asked<Self::Held>, StoreError>> + Send;

    /// Renews a lease.
    ///
    /// Errors: it is lost, or the store does not answer.
    fn renew(&self, held: &mut Self::Held) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives a lease back, unless somebody else has it by now.
    fn release(&self, held: Self::Held) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A set that came from a store.
#[derive(Clone, Debug, PartialEq)]
pub enum Fetched {
    /// One of ours: compiled, and knows what it is.
    Ours(SetInfo),
    /// The published operator's: packages, and nothing else.
    Published,
}

/// Why a store is of no help.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The store itself.
    #[error("{0}")]
    Store(#[from] object_store::Error),
    /// The volume.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// What it has, or should take.
    #[error("{name}: {source}")]
    Archive {
        /// The object.
        name: String,
        /// What is wrong with it.
        source: ArchiveError,
    },
    /// What it has is not what it says.
    #[error("{name}: {why}")]
    Foreign {
        /// The object.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Somebody else has the lease.
    #[error("the lease went to another member")]
    Lost,
    /// The process ends.
    #[error("some work did not end")]
    Ended,
    /// The settings.
    #[error("{0}")]
    Settings(String),
}
