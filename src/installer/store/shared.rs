use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Fetched, Store, StoreError};
use crate::installer::{
    folder::{Folder, age},
    lease::Asked,
    set::{SetInfo, SetName},
};

/// A volume that all members share. Its sets are the store, so there is nothing to fetch; leases are
/// files, by the time of the volume's server.
pub struct Shared {
    folder: Folder,
    token: String,
}

/// A lease's file.
pub struct Held {
    path: PathBuf,
}

impl Shared {
    /// Of a volume; `token` tells this process from all others.
    pub fn new(folder: Folder, token: String) -> Self {
        Self { folder, token }
    }

    fn is_mine(&self, path: &Path) -> io::Result<bool> {
        Ok(fs::read_to_string(path)? == self.token)
    }

    /// Takes a lease's file aside if it still says `token`. Puts it back where another process made a
    /// new one in between.
    fn remove(&self, path: &Path, token: &str) -> io::Result<()> {
        let aside = tempfile::tempdir_in(self.folder.all_staging())?;
        let moved = aside.path().join("lease");
        fs::rename(path, &moved)?;
        if fs::read_to_string(&moved)? != token {
            // A third process may be faster, which is as good.
            _ = fs::hard_link(&moved, path);
        }
        Ok(())
    }
}

impl Store for Shared {
    type Held = Held;

    async fn fetch(&self, _: &SetName, _: &Path) -> Result<Option<Fetched>, StoreError> {
        Ok(None)
    }

    async fn publish(&self, _: &SetInfo, _: &Path, _: &Path) -> Result<(), StoreError> {
        Ok(())
    }

    async fn lease(&self, set: &SetName, holds: Duration) -> Result<Asked<Held>, StoreError> {
        let path = self.folder.leases().join(set.to_string());
        for _ in 0..2 {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut file) => {
                    file.write_all(self.token.as_bytes())?;
                    return Ok(Asked::Mine(Held { path }));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
            // It may be given back in between, and is then asked for again.
            let Ok(other) = fs::read_to_string(&path) else { continue };
            if age(&path, self.folder.now()?).is_ok_and(|age| age < holds) {
                return Ok(Asked::Taken);
            }
            _ = self.remove(&path, &other);
        }
        Ok(Asked::Taken)
    }

    async fn renew(&self, held: &mut Held) -> Result<(), StoreError> {
        if !self.is_mine(&held.path)? {
            return Err(StoreError::Lost);
        }
        // Writing sets the time by the server's clock; setting it would take this machine's.
        OpenOptions::new().write(true).open(&held.path)?.write_all(self.token.as_bytes())?;
        Ok(())
    }

    async fn release(&self, held: Held) -> Result<(), StoreError> {
        if !self.is_mine(&held.path)? {
            return Err(StoreError::Lost);
        }
        Ok(self.remove(&held.path, &self.token)?)
    }
}
