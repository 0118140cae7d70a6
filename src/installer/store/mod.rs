//! Where sets are kept between starts: nowhere, in a volume that all members share, or in a bucket.

mod bucket;
mod bucket_lease;
mod gcs;
mod nowhere;
mod open;
mod shared;

use std::{error::Error, io, path::Path, time::Duration};

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
    /// It says nothing.
    #[error("the store does not answer: look at its address, and whether the pod may reach it")]
    Silent,
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

impl StoreError {
    /// Whether the next one to ask finds the same: it is what the store has that is wrong, neither the way
    /// to it nor this volume.
    pub fn lasts(&self) -> bool {
        match self {
            Self::Foreign { .. } => true,
            Self::Archive { source: ArchiveError::Io(error), .. } => match of_store(error) {
                Some(error) => matches!(error, object_store::Error::NotFound { .. }),
                // Of the kinds that reading has; the volume's have words of their own.
                None => matches!(
                    error.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::Other
                ),
            },
            Self::Archive { .. } => true,
            Self::Store(_) | Self::Io(_) | Self::Silent | Self::Lost | Self::Ended | Self::Settings(_) => {
                false
            }
        }
    }
}

/// The store's own error, where reading from it failed.
fn of_store(error: &io::Error) -> Option<&object_store::Error> {
    let mut next = error.get_ref().map(|error| error as &(dyn Error + 'static));
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An io::Error hides what it holds from its sources.
        next = match error.downcast_ref::<io::Error>() {
            Some(held) => held.get_ref().map(|error| error as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_has_lasts_and_the_way_to_it_does_not() {
        let archive = |source| StoreError::Archive { name: "a".to_owned(), source };
        let read = |error: io::Error| archive(ArchiveError::Io(error));
        let store = |error| io::Error::other(error);
        let missing = || object_store::Error::NotFound { path: "a".to_owned(), source: "none".into() };
        let down = || object_store::Error::Generic { store: "GCS", source: "down".into() };
        // As a reader of tar wraps it.
        let wrapped = io::Error::other(io::Error::other(down()));
        for (error, lasts) in [
            (read(io::ErrorKind::UnexpectedEof.into()), true),
            (read(io::Error::other("no frame")), true),
            (read(store(missing())), true),
            (read(store(down())), false),
            (read(wrapped), false),
            (read(io::ErrorKind::StorageFull.into()), false),
            (archive(ArchiveError::Endless(1)), true),
            (StoreError::Store(missing()), false),
        ] {
            assert_eq!(error.lasts(), lasts, "{error:?}");
        }
    }
}
