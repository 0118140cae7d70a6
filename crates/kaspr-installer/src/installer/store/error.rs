//! Errors of stores.

use std::{error::Error, io};

use thiserror::Error;

use crate::installer::archive::ArchiveError;

/// Why a store cannot be used.
#[derive(Debug, Error)]
pub(crate) enum StoreError {
    /// A request to the store failed.
    #[error("{0}")]
    Store(#[from] object_store::Error),
    /// Reading or writing the volume failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// An archive cannot be read or written.
    #[error("{name}: {source}")]
    Archive {
        /// Name of the object.
        name: String,
        /// What is wrong with the archive.
        source: ArchiveError,
    },
    /// An object does not have the expected content.
    #[error("{name}: {why}")]
    Mismatch {
        /// Name of the object.
        name: String,
        /// What is wrong with the object.
        why: String,
    },
    /// The store did not respond in time.
    #[error("the store does not respond: check its address and the pod's network access to it")]
    Unresponsive,
    /// Another process holds the lease.
    #[error("another member holds the lease")]
    LeaseLost,
    /// A task panicked or was cancelled.
    #[error("a background task failed")]
    TaskFailed,
    /// The store cannot be opened with the settings.
    #[error("{0}")]
    Settings(String),
}

impl StoreError {
    /// Whether the next client finds the same error: the stored content is wrong, as opposed to the
    /// connection to the store or the local volume.
    pub(crate) fn is_permanent(&self) -> bool {
        match self {
            Self::Mismatch { .. } => true,
            Self::Archive { source: ArchiveError::Io(error), .. } => match find_store_error(error) {
                Some(error) => matches!(error, object_store::Error::NotFound { .. }),
                // Kinds of errors that reading an archive has. Errors of the volume have other kinds.
                None => matches!(
                    error.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::Other
                ),
            },
            Self::Archive { .. } => true,
            Self::Store(_)
            | Self::Io(_)
            | Self::Unresponsive
            | Self::LeaseLost
            | Self::TaskFailed
            | Self::Settings(_) => false,
        }
    }
}

/// Returns the error of the store that caused an I/O error, if any.
fn find_store_error(error: &io::Error) -> Option<&object_store::Error> {
    let mut next = error.get_ref().map(|error| error as &(dyn Error + 'static));
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // `io::Error::source` skips the inner error itself.
        next = match error.downcast_ref::<io::Error>() {
            Some(outer) => outer.get_ref().map(|error| error as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_stored_content_are_permanent_and_errors_of_the_connection_are_not() {
        let archive = |source| StoreError::Archive { name: "a".to_owned(), source };
        let read = |error: io::Error| archive(ArchiveError::Io(error));
        let store = |error| io::Error::other(error);
        let missing = || object_store::Error::NotFound { path: "a".to_owned(), source: "none".into() };
        let down = || object_store::Error::Generic { store: "GCS", source: "down".into() };
        // The reader of tar wraps errors like this.
        let wrapped = io::Error::other(io::Error::other(down()));
        for (error, permanent) in [
            (read(io::ErrorKind::UnexpectedEof.into()), true),
            (read(io::Error::other("not a frame")), true),
            (read(store(missing())), true),
            (read(store(down())), false),
            (read(wrapped), false),
            (read(io::ErrorKind::StorageFull.into()), false),
            (archive(ArchiveError::LimitExceeded(1)), true),
            (StoreError::Store(missing()), false),
        ] {
            assert_eq!(error.is_permanent(), permanent, "{error:?}");
        }
    }
}
