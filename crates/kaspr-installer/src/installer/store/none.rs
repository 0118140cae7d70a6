//! No store.

use std::{path::Path, time::Duration};

use super::{
    error::StoreError,
    interface::{Fetched, Store},
    lease_outcome::LeaseOutcome,
};
use crate::installer::package_set::{SetInfo, SetName};

/// A store that keeps nothing: each member installs for itself.
pub(crate) struct NoStore;

impl Store for NoStore {
    type Lease = ();

    async fn fetch(&self, _: &SetName, _: &Path) -> Result<Option<Fetched>, StoreError> {
        Ok(None)
    }

    async fn publish(&self, _: &SetInfo, _: &Path, _: &Path) -> Result<(), StoreError> {
        Ok(())
    }

    async fn acquire(&self, _: &SetName, _: Duration) -> Result<LeaseOutcome<()>, StoreError> {
        Ok(LeaseOutcome::Acquired(()))
    }

    async fn renew(&self, (): &mut ()) -> Result<(), StoreError> {
        Ok(())
    }

    async fn release(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}
