//! Takes away sets that no member is linked to, and what killed installers left.

use std::{
    collections::BTreeSet,
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

use super::{
    folder::{EMPTY, Folder, Staging, age},
    steps::say,
};

/// A staging folder that nobody touched for that long has lost its installer, which touches it
/// every few seconds.
const ABANDONED: Duration = Duration::from_secs(15 * 60);

/// A set that lost its last member stays that long: the app may go back to it.
const UNUSED: Duration = Duration::from_secs(24 * 60 * 60);

/// How old things must be to go.
#[derive(Clone, Copy, Debug)]
pub struct Ages {
    /// A staging folder.
    pub abandoned: Duration,
    /// A set without a member.
    pub unused: Duration,
}

impl Default for Ages {
    fn default() -> Self {
        Self { abandoned: ABANDONED, unused: UNUSED }
    }
}

/// Collects. Gives what it took away.
///
/// A set is moved aside first, and back if a member was linked to it meanwhile; its members have
/// not started then, since their own installer links them.
pub fn collect(folder: &Folder, ages: Ages) -> io::Result<Vec<String>> {
    let now = folder.now()?;
    let mut gone = Vec::new();
    for entry in fs::read_dir(folder.all_staging())?.flatten() {
        if is_older(&Staging::alive_file(&entry.path()), &entry.path(), now, ages.abandoned) {
            // What can't be removed keeps nothing else.
            let name = format!("staging/{}", entry.file_name().to_string_lossy());
            match fs::remove_dir_all(entry.path()) {
                Ok(()) => gone.push(name),
                Err(error) => say(&format!("{name} can't be removed: {error}")),
            }
        }
    }
    let used = linked(folder)?;
    for entry in fs::read_dir(folder.sets())?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_old = is_older(&folder.used(&name), &entry.path(), now, ages.unused);
        if name == EMPTY || used.contains(&name) || !is_old {
            continue;
        }
        let aside = tempfile::Builder::new().prefix("out-").tempdir_in(folder.all_staging())?;
        let moved = aside.path().join("set");
        fs::rename(entry.path(), &moved)?;
        if linked(folder)?.contains(&name) {
            fs::rename(&moved, entry.path())?;
        } else {
            _ = fs::remove_file(folder.used(&name));
            gone.push(format!("sets/{name}"));
        }
    }
    Ok(gone)
}

/// The sets that members are linked to.
fn linked(folder: &Folder) -> io::Result<BTreeSet<String>> {
    // One that is not in its place yet may be a killed installer's. Who puts it there looks for its set then.
    let links = fs::read_dir(folder.members())?.flatten();
    let links = links.filter(|link| !link.file_name().to_string_lossy().starts_with('.'));
    let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
    Ok(targets.filter_map(|to| Some(to.file_name()?.to_string_lossy().into_owned())).collect())
}

/// By the time of its mark, or by its own where the mark was never made.
fn is_older(mark: &Path, path: &Path, now: SystemTime, limit: Duration) -> bool {
    age(mark, now).or_else(|_| age(path, now)).is_ok_and(|age| age > limit)
}
