//! Leases as objects: each write is conditional on what was read, and the time is the store's.
//! A lease is given back by writing so into it, since no store deletes on a condition.

use std::time::Duration;

use object_store::{
    Error, ObjectMeta, ObjectStoreExt, PutMode, PutPayload, PutResult, UpdateVersion, path::Path as Key,
};
use serde::{Deserialize, Serialize};

use super::{StoreError, bucket::Bucket};
use crate::installer::lease::Asked;

/// A lease in a bucket, as it was last written.
pub struct Held {
    key: Key,
    version: UpdateVersion,
}

/// What stands in a lease.
#[derive(Deserialize, Serialize)]
struct Content {
    token: String,
    held: bool,
}

/// The version of an object that was read, to write it on the condition that it still is that one.
pub(super) fn version_of_object(meta: &ObjectMeta) -> UpdateVersion {
    UpdateVersion { e_tag: meta.e_tag.clone(), version: meta.version.clone() }
}

fn version_of(put: PutResult) -> UpdateVersion {
    UpdateVersion { e_tag: put.e_tag, version: put.version }
}

impl Bucket {
    /// Asks for a lease.
    pub(super) async fn ask(&self, name: &str, holds: Duration) -> Result<Asked<Held>, StoreError> {
        let key = self.key(name);
        match self.put(&key, true, PutMode::Create).await {
            Ok(version) => return Ok(Asked::Mine(Held { key, version })),
            Err(StoreError::Store(Error::AlreadyExists { .. } | Error::Precondition { .. })) => {}
            Err(error) => return Err(error),
        }
        let found = match self.store.get(&key).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(Asked::Taken),
            Err(error) => return Err(error.into()),
        };
        let (modified, version) = (found.meta.last_modified, version_of_object(&found.meta));
        let content: Option<Content> = serde_json::from_slice(&found.bytes().await?).ok();
        match content {
            // Our own, from a try whose answer was lost.
            Some(content) if content.held && content.token == self.token => {
                return Ok(Asked::Mine(Held { key, version }));
            }
            Some(content) if content.held => {
                let age = self.now().await?.saturating_sub(modified.timestamp_millis());
                if age < i64::try_from(holds.as_millis()).unwrap_or(i64::MAX) {
                    return Ok(Asked::Taken);
                }
            }
            // Given back, or no lease at all.
            _ => {}
        }
        match self.put(&key, true, PutMode::Update(version)).await {
            Ok(version) => Ok(Asked::Mine(Held { key, version })),
            Err(StoreError::Store(Error::Precondition { .. } | Error::AlreadyExists { .. })) => {
                Ok(Asked::Taken)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes a lease that is held, if nobody else wrote it.
    pub(super) async fn write(&self, lease: &mut Held, held: bool) -> Result<(), StoreError> {
        let put = self.put(&lease.key, held, PutMode::Update(lease.version.clone())).await;
        lease.version = put.map_err(|error| match error {
            StoreError::Store(Error::Precondition { .. } | Error::NotFound { .. }) => StoreError::Lost,
            error => error,
        })?;
        Ok(())
    }

    async fn put(&self, key: &Key, held: bool, mode: PutMode) -> Result<UpdateVersion, StoreError> {
        use object_store::ObjectStore;
        let content = Content { token: self.token.clone(), held };
        let text = serde_json::to_vec(&content).map_err(std::io::Error::from)?;
        Ok(version_of(self.store.put_opts(key, PutPayload::from(text), mode.into()).await?))
    }

    /// The time by the store's clock, which is the one that leases are dated by, in milliseconds.
    async fn now(&self) -> Result<i64, StoreError> {
        let key = self.key(&format!("clock/{}", self.token));
        self.store.put(&key, PutPayload::from_static(b"")).await?;
        let time = self.store.head(&key).await?.last_modified.timestamp_millis();
        // One object for each member that waits; what stays is of no harm.
        _ = self.store.delete(&key).await;
        Ok(time)
    }
}
