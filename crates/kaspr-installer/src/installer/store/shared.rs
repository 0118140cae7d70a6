//! A volume that all members share.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    error::StoreError,
    interface::{Fetched, Store},
    lease_outcome::LeaseOutcome,
};
use crate::installer::{
    package_set::{SetInfo, SetName},
    volume::{PackagesVolume, age},
};

/// A volume that all members share. Its sets are the store, so nothing is fetched or uploaded. Leases are
/// files; their times are by the clock of the volume's server.
pub(crate) struct SharedVolume {
    volume: PackagesVolume,
    token: String,
}

/// The file of a lease that this process holds.
pub(crate) struct FileLease {
    path: PathBuf,
}

impl SharedVolume {
    /// Creates the store of a volume; `token` identifies this process.
    pub(crate) fn new(volume: PackagesVolume, token: String) -> Self {
        Self { volume, token }
    }

    fn is_held(&self, path: &Path) -> io::Result<bool> {
        Ok(fs::read_to_string(path)? == self.token)
    }

    /// Removes the file of a lease if it contains `token`. If another process has created a new file in
    /// the meantime, it is put back.
    fn remove_lease(&self, path: &Path, token: &str) -> io::Result<()> {
        let aside = tempfile::tempdir_in(self.volume.staging_dir())?;
        let moved = aside.path().join("lease");
        fs::rename(path, &moved)?;
        if fs::read_to_string(&moved)? != token {
            // If a third process has created the file first, its lease is as good.
            _ = fs::hard_link(&moved, path);
        }
        Ok(())
    }
}

impl Store for SharedVolume {
    type Lease = FileLease;

    async fn fetch(&self, _: &SetName, _: &Path) -> Result<Option<Fetched>, StoreError> {
        Ok(None)
    }

    async fn publish(&self, _: &SetInfo, _: &Path, _: &Path) -> Result<(), StoreError> {
        Ok(())
    }

    async fn acquire(
        &self,
        set: &SetName,
        duration: Duration,
    ) -> Result<LeaseOutcome<FileLease>, StoreError> {
        let path = self.volume.leases_dir().join(set.to_string());
        for _ in 0..2 {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut file) => {
                    file.write_all(self.token.as_bytes())?;
                    return Ok(LeaseOutcome::Acquired(FileLease { path }));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
            // The holder may have released the lease in between; then try again.
            let Ok(holder) = fs::read_to_string(&path) else { continue };
            if age(&path, self.volume.now()?).is_ok_and(|age| age < duration) {
                return Ok(LeaseOutcome::Busy);
            }
            _ = self.remove_lease(&path, &holder);
        }
        Ok(LeaseOutcome::Busy)
    }

    async fn renew(&self, lease: &mut FileLease) -> Result<(), StoreError> {
        if !self.is_held(&lease.path)? {
            return Err(StoreError::LeaseLost);
        }
        // Writing sets the time by the clock of the server; setting the time would use the local clock.
        OpenOptions::new().write(true).open(&lease.path)?.write_all(self.token.as_bytes())?;
        Ok(())
    }

    async fn release(&self, lease: FileLease) -> Result<(), StoreError> {
        if !self.is_held(&lease.path)? {
            return Err(StoreError::LeaseLost);
        }
        Ok(self.remove_lease(&lease.path, &self.token)?)
    }
}
