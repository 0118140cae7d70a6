//! The volume with the package sets. Below its root:
//!
//! - `sets/NAME` – a set; it appears by a rename and never changes
//! - `members/POD` – link to the set of that member; the member's container mounts its target
//! - `staging/TOKEN` – a set that is being created, with a file that shows that its installer is running
//! - `leases/NAME` – the install lease of a set
//! - `used/NAME` – an empty file; its time is when a member was last linked to the set or away from it
//!
//! The Python operator installs packages in the root itself, where its members import them from. These
//! packages stay untouched.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

use super::package_set::{SET_FILE, SetInfo, SetName};

/// The volume with the package sets.
#[derive(Clone, Debug)]
pub(super) struct PackagesVolume {
    root: PathBuf,
}

/// Name of the set of members that start without packages.
pub(super) const EMPTY: &str = "empty";

/// File in a staging directory whose time shows that an installer is using the directory.
const HEARTBEAT: &str = "alive";

impl PackagesVolume {
    /// Opens the volume and creates missing directories.
    ///
    /// # Errors
    ///
    /// The volume is not writable.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let volume = Self { root: root.to_owned() };
        for path in [
            volume.sets_dir(),
            volume.members_dir(),
            volume.staging_dir(),
            volume.leases_dir(),
            volume.root.join("used"),
        ] {
            fs::create_dir_all(path)?;
        }
        Ok(volume)
    }

    /// Directory of the sets.
    pub(super) fn sets_dir(&self) -> PathBuf {
        self.root.join("sets")
    }

    /// Directory of the members' links.
    pub(super) fn members_dir(&self) -> PathBuf {
        self.root.join("members")
    }

    /// Directory in which sets are created.
    pub(super) fn staging_dir(&self) -> PathBuf {
        self.root.join("staging")
    }

    /// Directory of the install leases.
    pub(super) fn leases_dir(&self) -> PathBuf {
        self.root.join("leases")
    }

    /// File whose time is when a set was last used.
    pub(super) fn last_used_file(&self, set: &str) -> PathBuf {
        self.root.join("used").join(set)
    }

    /// Returns the description of a set, if the set exists.
    pub(super) fn find_set(&self, name: &SetName) -> Option<SetInfo> {
        let name = name.to_string();
        SetInfo::read(&self.sets_dir().join(&name)).filter(|info| info.name == name)
    }

    /// Creates a staging directory. It is deleted when the value is dropped.
    pub(super) fn create_staging(&self) -> io::Result<Staging> {
        let folder = tempfile::Builder::new().prefix("by-").tempdir_in(self.staging_dir())?;
        fs::create_dir(folder.path().join("set"))?;
        let staging = Staging { folder };
        staging.touch()?;
        Ok(staging)
    }

    /// Publishes a staged set. If another installer published the same set first, that one is kept.
    pub(super) fn publish(&self, staging: &Staging, info: &SetInfo) -> io::Result<()> {
        let text = serde_json::to_vec(info)?;
        fs::write(staging.set_dir().join(SET_FILE), text)?;
        let target = self.sets_dir().join(&info.name);
        match fs::rename(staging.set_dir(), &target) {
            Err(error) if already_exists(&error) && SetInfo::read(&target).is_some() => Ok(()),
            renamed => renamed,
        }
    }

    /// Links a member to a set and marks the set as used. Returns whether the set still exists, because
    /// another installer may have deleted it a moment ago.
    pub(super) fn link_member(&self, member: &str, set: &str) -> io::Result<bool> {
        let target = self.sets_dir().join(set);
        if set == EMPTY {
            fs::create_dir_all(&target)?;
        }
        let link = self.members_dir().join(member);
        let previous = fs::read_link(&link).ok();
        let previous = previous.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        for used in previous.into_iter().chain([set]) {
            fs::write(self.last_used_file(used), b"")?;
        }
        let fresh = tempfile::Builder::new().prefix(".").make_in(self.members_dir(), |path| {
            // Relative, because the kubelet mounts the volume at another path.
            symlink(Path::new("../sets").join(set), path)
        })?;
        fs::rename(fresh.path(), link)?;
        // The temporary name no longer exists, so there is nothing to delete.
        _ = fresh.into_temp_path().keep();
        Ok(target.is_dir())
    }

    /// Returns the time by the clock of the volume. For a network volume, that is the clock of its server.
    pub(super) fn now(&self) -> io::Result<SystemTime> {
        tempfile::tempfile_in(self.staging_dir())?.metadata()?.modified()
    }

    /// Returns the size of the volume and the used part of it, in bytes.
    pub(super) fn usage(&self) -> Option<(u64, u64)> {
        let stat = rustix::fs::statvfs(&self.root).ok()?;
        let total = stat.f_blocks.checked_mul(stat.f_frsize)?;
        Some((total, total.saturating_sub(stat.f_bfree.checked_mul(stat.f_frsize)?)))
    }
}

/// Returns the time since a path was modified; `now` is the time by the clock of the volume.
pub(super) fn age(path: &Path, now: SystemTime) -> io::Result<Duration> {
    let modified = fs::symlink_metadata(path)?.modified()?;
    Ok(now.duration_since(modified).unwrap_or_default())
}

/// A directory in which a set is created.
pub(super) struct Staging {
    folder: TempDir,
}

impl Staging {
    /// Directory of the set.
    pub(super) fn set_dir(&self) -> PathBuf {
        self.folder.path().join("set")
    }

    /// Directory for temporary files.
    pub(super) fn scratch_dir(&self) -> &Path {
        self.folder.path()
    }

    /// Deletes everything in the directory of the set.
    pub(super) fn clear(&self) -> io::Result<()> {
        fs::remove_dir_all(self.set_dir())?;
        fs::create_dir(self.set_dir())
    }

    /// Updates the time of the heartbeat file, which shows that the installer is running.
    pub(super) fn touch(&self) -> io::Result<()> {
        fs::write(self.folder.path().join(HEARTBEAT), b"")
    }

    /// Path of the heartbeat file of a staging directory.
    pub(super) fn heartbeat_file(folder: &Path) -> PathBuf {
        folder.join(HEARTBEAT)
    }
}

fn already_exists(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists)
}
