//! Leases as objects of a bucket. Each write is conditional on the version that was read, if the store supports that,
//! and times are by the clock of the store. A lease is released by writing `held: false`, because no store supports a
//! conditional delete.

use std::{sync::Arc, time::Duration};

use object_store::{
    Error, ObjectMeta, ObjectStoreExt, PutMode, PutPayload, UpdateVersion, path::Path as Key,
};
use serde::{Deserialize, Serialize};

use super::{
    conditional::ConditionalStore,
    error::StoreError,
    lease_outcome::LeaseOutcome,
    object_version::{version_of_object, version_of_put},
};

/// Acquires, renews and releases leases in a bucket.
pub(super) struct BucketLeases {
    store: Arc<ConditionalStore>,
    prefix: String,
    /// Identifies this process.
    token: String,
}

/// A lease that this process holds, as it was last written.
pub(crate) struct BucketLease {
    key: Key,
    version: UpdateVersion,
}

/// Content of a lease object.
#[derive(Deserialize, Serialize)]
struct LeaseRecord {
    token: String,
    held: bool,
}

/// Returns the key of an object of the app; `prefix` is the app's prefix in the bucket.
pub(super) fn object_key(prefix: &str, name: &str) -> Key {
    Key::from(format!("{prefix}/{name}"))
}

impl BucketLeases {
    /// Creates the leases of an app; `token` identifies this process.
    pub(super) fn new(store: Arc<ConditionalStore>, prefix: String, token: String) -> Self {
        Self { store, prefix, token }
    }

    /// Tries to acquire a lease. A lease that was not renewed for `duration` is expired.
    pub(super) async fn acquire(
        &self,
        name: &str,
        duration: Duration,
    ) -> Result<LeaseOutcome<BucketLease>, StoreError> {
        let key = object_key(&self.prefix, name);
        let Some((found, record)) = self.read(&key).await? else {
            return match self.store.create(&key, self.record(true)?).await {
                Ok(put) => Ok(LeaseOutcome::Acquired(BucketLease { key, version: version_of_put(put) })),
                // Another process created it, or this one did, but did not receive the response.
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(LeaseOutcome::Busy),
                Err(error) => Err(error.into()),
            };
        };
        let (modified, version) = (found.last_modified, version_of_object(&found));
        // A lease that is released, or an object that is not a lease, can be taken over.
        if let Some(record) = record.filter(|record| record.held) {
            if record.token == self.token {
                // This process wrote it, but did not receive the response.
                return Ok(LeaseOutcome::Acquired(BucketLease { key, version }));
            }
            let age = self.now().await?.saturating_sub(modified.timestamp_millis());
            if age < i64::try_from(duration.as_millis()).unwrap_or(i64::MAX) {
                return Ok(LeaseOutcome::Busy);
            }
        }
        match self.put(&key, true, PutMode::Update(version)).await {
            Ok(version) => Ok(LeaseOutcome::Acquired(BucketLease { key, version })),
            Err(StoreError::Store(Error::Precondition { .. } | Error::AlreadyExists { .. })) => {
                Ok(LeaseOutcome::Busy)
            }
            Err(error) => Err(error),
        }
    }

    /// Renews a lease.
    pub(super) async fn renew(&self, lease: &mut BucketLease) -> Result<(), StoreError> {
        self.update(lease, true).await
    }

    /// Releases a lease.
    pub(super) async fn release(&self, mut lease: BucketLease) -> Result<(), StoreError> {
        self.update(&mut lease, false).await
    }

    /// Reads a lease. An object that is not a lease has no record.
    async fn read(&self, key: &Key) -> Result<Option<(ObjectMeta, Option<LeaseRecord>)>, StoreError> {
        let found = match self.store.store.get(key).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let meta = found.meta.clone();
        Ok(Some((meta, serde_json::from_slice(&found.bytes().await?).ok())))
    }

    /// Writes a lease, unless another process has written it since.
    async fn update(&self, lease: &mut BucketLease, held: bool) -> Result<(), StoreError> {
        if self.store.is_plain() {
            let record = self.read(&lease.key).await?.and_then(|(_, record)| record);
            if record.is_none_or(|record| record.token != self.token) {
                return Err(StoreError::LeaseLost);
            }
        }
        let put = self.put(&lease.key, held, PutMode::Update(lease.version.clone())).await;
        lease.version = put.map_err(|error| match error {
            StoreError::Store(Error::Precondition { .. } | Error::NotFound { .. }) => StoreError::LeaseLost,
            error => error,
        })?;
        Ok(())
    }

    async fn put(&self, key: &Key, held: bool, mode: PutMode) -> Result<UpdateVersion, StoreError> {
        Ok(version_of_put(self.store.put(key, self.record(held)?, mode).await?))
    }

    fn record(&self, held: bool) -> Result<PutPayload, StoreError> {
        let record = LeaseRecord { token: self.token.clone(), held };
        Ok(PutPayload::from(serde_json::to_vec(&record).map_err(std::io::Error::from)?))
    }

    /// Returns the time by the clock of the store, in milliseconds since the epoch. Modification times of
    /// leases are by the same clock.
    async fn now(&self) -> Result<i64, StoreError> {
        let key = object_key(&self.prefix, &format!("clock/{}", self.token));
        let store = &self.store.store;
        store.put(&key, PutPayload::from_static(b"")).await?;
        let time = store.head(&key).await?.last_modified.timestamp_millis();
        // Each waiting member writes one object. An object that cannot be deleted is harmless.
        _ = store.delete(&key).await;
        Ok(time)
    }
}
