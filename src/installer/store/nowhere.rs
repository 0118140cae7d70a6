use std::{path::Path, time::Duration};

use super::{Fetched, Store, StoreError};
use crate::installer::{
    lease::Asked,
    set::{SetInfo, SetName},
};

/// No store: each member installs for itself.
pub struct Nowhere;

impl Store for Nowhere {
    type Held = ();

    async fn fetch(&self, _: &SetName, _: &Path) -> Result<Option<Fetched>, StoreError> {
        Ok(None)
    }

    async fn publish(&self, _: &SetInfo, _: &Path, _: &Path) -> Result<(), StoreError> {
        Ok(())
    }

    async fn lease(&self, _: &SetName, _: Duration) -> Result<Asked<()>, StoreError> {
        Ok(Asked::Mine(()))
    }

    async fn renew(&self, (): &mut ()) -> Result<(), StoreError> {
        Ok(())
    }

    async fn release(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}
