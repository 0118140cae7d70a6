//! Removes sets that no member is linked to, and what killed installers left.

use std::{
    collections::BTreeSet,
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

use super::{
    log::log,
    volume::{EMPTY, PackagesVolume, Staging, age},
};

/// An installer touches its staging directory every few seconds. A directory that was not touched for
/// this long has no installer.
const ABANDONED: Duration = Duration::from_secs(15 * 60);

/// Grace period before an unused set is deleted, in case the app is rolled back.
const UNUSED: Duration = Duration::from_secs(24 * 60 * 60);

/// Ages after which things are deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetentionPeriods {
    /// Age of a staging directory since its installer last touched it.
    pub abandoned: Duration,
    /// Age of a set since a member was last linked to it.
    pub unused: Duration,
}

impl Default for RetentionPeriods {
    fn default() -> Self {
        Self { abandoned: ABANDONED, unused: UNUSED }
    }
}

/// Deletes abandoned staging directories and unused sets. Returns the paths that were deleted, relative to
/// the volume.
///
/// A set is first moved away, and moved back if a member was linked to it in the meantime. Such a
/// member has not started yet, because its own installer is still running.
///
/// # Errors
///
/// The volume cannot be read, or a set cannot be moved.
pub(super) fn collect_garbage(volume: &PackagesVolume, periods: RetentionPeriods) -> io::Result<Vec<String>> {
    let now = volume.now()?;
    let mut deleted = delete_abandoned_staging(volume, now, periods.abandoned)?;
    let used = linked_sets(volume)?;
    for entry in fs::read_dir(volume.sets_dir())?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_old = is_older(&volume.last_used_file(&name), &entry.path(), now, periods.unused);
        if name == EMPTY || used.contains(&name) || !is_old {
            continue;
        }
        let aside = tempfile::Builder::new().prefix("out-").tempdir_in(volume.staging_dir())?;
        let moved = aside.path().join("set");
        fs::rename(entry.path(), &moved)?;
        if linked_sets(volume)?.contains(&name) {
            fs::rename(&moved, entry.path())?;
        } else {
            _ = fs::remove_file(volume.last_used_file(&name));
            deleted.push(format!("sets/{name}"));
        }
    }
    Ok(deleted)
}

fn delete_abandoned_staging(
    volume: &PackagesVolume,
    now: SystemTime,
    limit: Duration,
) -> io::Result<Vec<String>> {
    let mut deleted = Vec::new();
    for entry in fs::read_dir(volume.staging_dir())?.flatten() {
        if is_older(&Staging::heartbeat_file(&entry.path()), &entry.path(), now, limit) {
            // A directory that cannot be deleted does not prevent the deletion of the others.
            let name = format!("staging/{}", entry.file_name().to_string_lossy());
            match fs::remove_dir_all(entry.path()) {
                Ok(()) => deleted.push(name),
                Err(error) => log(&format!("failed to remove {name}: {error}")),
            }
        }
    }
    Ok(deleted)
}

/// Returns the names of the sets that members are linked to.
fn linked_sets(volume: &PackagesVolume) -> io::Result<BTreeSet<String>> {
    // A link with a temporary name may belong to a killed installer. A running installer checks for its
    // set after it has renamed the link.
    let links = fs::read_dir(volume.members_dir())?.flatten();
    let links = links.filter(|link| !link.file_name().to_string_lossy().starts_with('.'));
    let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
    Ok(targets.filter_map(|to| Some(to.file_name()?.to_string_lossy().into_owned())).collect())
}

/// Whether a path is older than a limit, by the time of its timestamp file, or by its own time if
/// there is no such file.
fn is_older(timestamp: &Path, path: &Path, now: SystemTime, limit: Duration) -> bool {
    age(timestamp, now).or_else(|_| age(path, now)).is_ok_and(|age| age > limit)
}
