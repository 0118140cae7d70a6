use std::{
    cell::RefCell,
    collections::HashSet,
    fs,
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use tar::{Archive, Entry, EntryType};

use super::{
    ArchiveError, Limits,
    files::{Files, Next},
    stream::{Stream, Tape},
};

/// Makes what a tar holds in an empty folder. Gives the bytes of its files.
pub fn read(
    from: Stream<impl Iterator<Item = io::Result<Vec<u8>>>>,
    folder: &Path,
    limits: Limits,
) -> Result<u64, ArchiveError> {
    let stream = RefCell::new(from);
    let mut next = |limit| stream.borrow_mut().take(limit);
    Files::write(|files| {
        let mut reader = Reader { folder, limits, unpacked: 0, folders: HashSet::new() };
        for entry in Archive::new(Tape::of(&stream)).entries_with_seek()? {
            reader.entry(&entry?, &mut next, files)?;
        }
        Ok(reader.unpacked)
    })
}

struct Reader<'a> {
    folder: &'a Path,
    limits: Limits,
    unpacked: u64,
    /// Those that were made.
    folders: HashSet<PathBuf>,
}

impl Reader<'_> {
    /// `next` gives what is in the entry.
    fn entry(
        &mut self,
        entry: &Entry<'_, impl Read>,
        next: &mut impl Next,
        files: &mut Files,
    ) -> Result<(), ArchiveError> {
        let name = entry.path()?.into_owned();
        let Some(inside) = inside(&name)? else { return Ok(()) };
        let path = self.folder.join(&inside);
        self.limits.entries =
            self.limits.entries.checked_sub(1).ok_or(ArchiveError::Endless(self.limits.bytes))?;
        match entry.header().entry_type() {
            EntryType::Directory => self.make(&path),
            EntryType::Regular | EntryType::Continuous => {
                self.make(path.parent().unwrap_or(self.folder))?;
                self.file(entry, path, next, files)
            }
            EntryType::Symlink | EntryType::Link => Err(hostile(&name, "is a link, which no package has")),
            _ => Err(hostile(&name, "is neither a file nor a folder")),
        }
    }

    fn file(
        &mut self,
        entry: &Entry<'_, impl Read>,
        path: PathBuf,
        next: &mut impl Next,
        files: &mut Files,
    ) -> Result<(), ArchiveError> {
        let size = entry.size();
        self.unpacked = self.unpacked.saturating_add(size);
        if self.unpacked > self.limits.bytes {
            return Err(ArchiveError::Endless(self.limits.bytes));
        }
        let mode = if entry.header().mode()? & 0o111 == 0 { 0o644 } else { 0o755 };
        files.add(path, mode, size, next)
    }

    fn make(&mut self, path: &Path) -> Result<(), ArchiveError> {
        if path != self.folder && !self.folders.contains(path) {
            fs::create_dir_all(path)?;
            self.folders.insert(path.to_owned());
        }
        Ok(())
    }
}

/// The path below the folder; none for the folder itself, and for what the published operator kept
/// beside its packages.
fn inside(name: &Path) -> Result<Option<PathBuf>, ArchiveError> {
    let mut inside = PathBuf::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => inside.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err(hostile(name, "leaves the folder")),
            Component::RootDir | Component::Prefix(_) => return Err(hostile(name, "is an absolute path")),
        }
    }
    let own = inside.to_str().is_some_and(|name| name.starts_with(".install") && !name.contains('/'));
    Ok((!own && !inside.as_os_str().is_empty()).then_some(inside))
}

fn hostile(name: &Path, what: &'static str) -> ArchiveError {
    ArchiveError::Hostile { path: name.display().to_string(), what }
}
