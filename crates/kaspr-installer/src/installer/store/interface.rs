//! The interface of all stores.

use std::{path::Path, time::Duration};

use super::{error::StoreError, lease_outcome::LeaseOutcome};
use crate::installer::package_set::{SetInfo, SetName};

/// Keeps package sets. No error of a store may prevent a member from starting.
pub(crate) trait Store: Sync {
    /// A lease that this process holds.
    type Lease: Send;

    /// Fetches a set into an empty directory. Returns `None` if the store does not have the set.
    ///
    /// # Errors
    ///
    /// The store does not respond, or what it has is not usable. The content of the directory is then
    /// incomplete.
    fn fetch(
        &self,
        set: &SetName,
        into: &Path,
    ) -> impl Future<Output = Result<Option<Fetched>, StoreError>> + Send;

    /// Stores a set; `scratch` is a directory for temporary files.
    ///
    /// # Errors
    ///
    /// The set is not stored.
    fn publish(
        &self,
        info: &SetInfo,
        from: &Path,
        scratch: &Path,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Tries to acquire the install lease of a set. A lease that was not renewed for `duration` is
    /// expired.
    ///
    /// # Errors
    ///
    /// The store does not respond, or refuses the request.
    fn acquire(
        &self,
        set: &SetName,
        duration: Duration,
    ) -> impl Future<Output = Result<LeaseOutcome<Self::Lease>, StoreError>> + Send;

    /// Renews a lease.
    ///
    /// # Errors
    ///
    /// Another process holds the lease, or the store does not respond.
    fn renew(&self, lease: &mut Self::Lease) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Releases a lease, unless another process holds it.
    ///
    /// # Errors
    ///
    /// Another process holds the lease, or the store does not respond.
    fn release(&self, lease: Self::Lease) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A set that was fetched from a store.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fetched {
    /// A set of this installer: compiled, with its description.
    Current(SetInfo),
    /// A set of the Python operator: only packages.
    Legacy,
}
