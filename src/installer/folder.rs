//! The volume with the sets. Below its root:
//!
//! - `sets/NAME` – a set; appears by a rename, never changes
//! - `members/POD` – a link to the set of that member; the member's container mounts what it points to
//! - `staging/TOKEN` – what is being made, with a file that tells that somebody is at it
//! - `leases/NAME` – who installs
//! - `used/NAME` – empty; its time tells when a member was last linked to a set, or away from it
//!
//! Packages of the published operator lie in the root itself, where its members import them from;
//! they stay as they are.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

use super::set::{SET_FILE, SetInfo, SetName};

/// The volume with the sets.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

/// The set of members that start without packages.
pub const EMPTY: &str = "empty";

/// The file of a staging folder by whose time others see that it is in use.
const ALIVE: &str = "alive";

impl Folder {
    /// Opens the volume, and makes what is missing.
    ///
    /// Errors: the volume can't be written to.
    pub fn open(root: &Path) -> io::Result<Self> {
        let folder = Self { root: root.to_owned() };
        for path in
            [folder.sets(), folder.members(), folder.all_staging(), folder.leases(), folder.root.join("used")]
        {
            fs::create_dir_all(path)?;
        }
        Ok(folder)
    }

    /// Where sets are.
    pub fn sets(&self) -> PathBuf {
        self.root.join("sets")
    }

    /// Where the members' links are.
    pub fn members(&self) -> PathBuf {
        self.root.join("members")
    }

    /// Where sets are made.
    pub fn all_staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    /// Where leases are.
    pub fn leases(&self) -> PathBuf {
        self.root.join("leases")
    }

    /// The file whose time tells when a set was last used.
    pub fn used(&self, set: &str) -> PathBuf {
        self.root.join("used").join(set)
    }

    /// A set, if it is there.
    pub fn find(&self, name: &SetName) -> Option<SetInfo> {
        let name = name.to_string();
        SetInfo::read(&self.sets().join(&name)).filter(|info| info.name == name)
    }

    /// A new staging folder. It goes when it is dropped.
    pub fn stage(&self) -> io::Result<Staging> {
        let folder = tempfile::Builder::new().prefix("by-").tempdir_in(self.all_staging())?;
        fs::create_dir(folder.path().join("set"))?;
        let staging = Staging { folder };
        staging.touch()?;
        Ok(staging)
    }

    /// Makes a staged set one of the sets. Whoever comes second keeps the first one's.
    pub fn publish(&self, staging: &Staging, info: &SetInfo) -> io::Result<()> {
        let text = serde_json::to_vec(info)?;
        fs::write(staging.set().join(SET_FILE), text)?;
        let target = self.sets().join(&info.name);
        match fs::rename(staging.set(), &target) {
            Err(error) if is_taken(&error) && SetInfo::read(&target).is_some() => Ok(()),
            renamed => renamed,
        }
    }

    /// AppIndex a member to a set, which is marked as used. Gives whether the set is still there: it
    /// may have been collected a moment ago.
    pub fn link(&self, member: &str, set: &str) -> io::Result<bool> {
        let target = self.sets().join(set);
        if set == EMPTY {
            fs::create_dir_all(&target)?;
        }
        let link = self.members().join(member);
        let before = fs::read_link(&link).ok();
        let before = before.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        for used in before.into_iter().chain([set]) {
            fs::write(self.used(used), b"")?;
        }
        let fresh = tempfile::Builder::new().prefix(".").make_in(self.members(), |path| {
            // Relative: the kubelet sees the volume at another place.
            symlink(Path::new("../sets").join(set), path)
        })?;
        fs::rename(fresh.path(), link)?;
        // What the name meant is now the link itself.
        _ = fresh.into_temp_path().keep();
        Ok(target.is_dir())
    }

    /// The time by the volume's own clock, which is the server's where it is a network's.
    pub fn now(&self) -> io::Result<SystemTime> {
        tempfile::tempfile_in(self.all_staging())?.metadata()?.modified()
    }

    /// Size and used bytes of the volume.
    pub fn usage(&self) -> Option<(u64, u64)> {
        let stat = rustix::fs::statvfs(&self.root).ok()?;
        let total = stat.f_blocks.checked_mul(stat.f_frsize)?;
        Some((total, total.saturating_sub(stat.f_bfree.checked_mul(stat.f_frsize)?)))
    }
}

/// How long ago something was touched, by the volume's clock.
pub fn age(path: &Path, now: SystemTime) -> io::Result<Duration> {
    let modified = fs::symlink_metadata(path)?.modified()?;
    Ok(now.duration_since(modified).unwrap_or_default())
}

/// A set in the making.
pub struct Staging {
    folder: TempDir,
}

impl Staging {
    /// Where the set is made.
    pub fn set(&self) -> PathBuf {
        self.folder.path().join("set")
    }

    /// For what is only needed meanwhile.
    pub fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// Throws away what was made.
    pub fn clear(&self) -> io::Result<()> {
        fs::remove_dir_all(self.set())?;
        fs::create_dir(self.set())
    }

    /// Tells others that somebody is at it.
    pub fn touch(&self) -> io::Result<()> {
        fs::write(self.folder.path().join(ALIVE), b"")
    }

    /// The file that `touch` touches.
    pub fn alive_file(folder: &Path) -> PathBuf {
        folder.join(ALIVE)
    }
}

fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists)
}
