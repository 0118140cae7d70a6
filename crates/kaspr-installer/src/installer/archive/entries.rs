//! The entries of a tar archive.

use std::{
    cell::RefCell,
    collections::HashSet,
    fs,
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use tar::{Archive, Entry, EntryType};

use super::{
    error::ArchiveError,
    files::{FileWriter, SliceSource},
    info::ArchiveLimits,
    stream::{BufferStream, SeekReader},
};

/// Creates the files and directories of a tar archive in an empty directory. Returns the size of all
/// files in bytes.
pub(super) fn unpack(
    from: BufferStream<impl Iterator<Item = io::Result<Vec<u8>>>>,
    folder: &Path,
    limits: ArchiveLimits,
) -> Result<u64, ArchiveError> {
    let stream = RefCell::new(from);
    let mut next = |limit| stream.borrow_mut().read_slice(limit);
    FileWriter::run(|files| {
        let mut unpacker = EntryUnpacker { folder, limits, unpacked: 0, folders: HashSet::new() };
        for entry in Archive::new(SeekReader::new(&stream)).entries_with_seek()? {
            unpacker.unpack_entry(&entry?, &mut next, files)?;
        }
        Ok(unpacker.unpacked)
    })
}

struct EntryUnpacker<'a> {
    folder: &'a Path,
    limits: ArchiveLimits,
    unpacked: u64,
    /// Directories that exist.
    folders: HashSet<PathBuf>,
}

impl EntryUnpacker<'_> {
    /// Creates an entry; `next` reads its content.
    fn unpack_entry(
        &mut self,
        entry: &Entry<'_, impl Read>,
        next: &mut impl SliceSource,
        files: &mut FileWriter,
    ) -> Result<(), ArchiveError> {
        let name = entry.path()?.into_owned();
        let Some(relative) = relative_path(&name)? else { return Ok(()) };
        let path = self.folder.join(&relative);
        self.limits.entries =
            self.limits.entries.checked_sub(1).ok_or(ArchiveError::LimitExceeded(self.limits.bytes))?;
        match entry.header().entry_type() {
            EntryType::Directory => self.create_folder(&path),
            EntryType::Regular | EntryType::Continuous => {
                self.create_folder(path.parent().unwrap_or(self.folder))?;
                self.unpack_file(entry, path, next, files)
            }
            EntryType::Symlink => {
                Err(unsafe_entry(&name, "is a symlink; package archives must not contain links"))
            }
            EntryType::Link => {
                Err(unsafe_entry(&name, "is a hard link; package archives must not contain links"))
            }
            _ => Err(unsafe_entry(&name, "is neither a file nor a directory")),
        }
    }

    fn unpack_file(
        &mut self,
        entry: &Entry<'_, impl Read>,
        path: PathBuf,
        next: &mut impl SliceSource,
        files: &mut FileWriter,
    ) -> Result<(), ArchiveError> {
        let size = entry.size();
        self.unpacked = self.unpacked.saturating_add(size);
        if self.unpacked > self.limits.bytes {
            return Err(ArchiveError::LimitExceeded(self.limits.bytes));
        }
        let mode = if entry.header().mode()? & 0o111 == 0 { 0o644 } else { 0o755 };
        files.add_file(path, mode, size, next)
    }

    fn create_folder(&mut self, path: &Path) -> Result<(), ArchiveError> {
        if path != self.folder && !self.folders.contains(path) {
            fs::create_dir_all(path)?;
            self.folders.insert(path.to_owned());
        }
        Ok(())
    }
}

/// Returns the path of an entry relative to the directory. Returns `None` for the directory itself,
/// and for the marker files that the Python operator kept next to its packages.
fn relative_path(name: &Path) -> Result<Option<PathBuf>, ArchiveError> {
    let mut relative = PathBuf::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => relative.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err(unsafe_entry(name, "is outside of the target directory")),
            Component::RootDir | Component::Prefix(_) => {
                return Err(unsafe_entry(name, "is an absolute path"));
            }
        }
    }
    let is_marker = relative.to_str().is_some_and(|name| name.starts_with(".install") && !name.contains('/'));
    Ok((!is_marker && !relative.as_os_str().is_empty()).then_some(relative))
}

fn unsafe_entry(name: &Path, what: &'static str) -> ArchiveError {
    ArchiveError::UnsafeEntry { path: name.display().to_string(), what }
}
