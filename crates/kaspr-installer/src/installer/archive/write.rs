//! Packs a package set into an archive.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    thread,
};

use tar::{Builder, EntryType, Header};
use walkdir::WalkDir;

use super::{
    error::ArchiveError,
    frames::{FrameWriter, frame_compressor},
    hashing::ArchiveHasher,
    info::ArchiveInfo,
    ordered_pool::start_workers,
    sizes::worker_count,
};

/// Modification time of all files, in seconds since the epoch. Old formats, zip among them, cannot
/// represent a time before 1980.
const MODIFIED: u64 = 315_532_800;

/// Writes a directory as an archive of at most `limit` bytes.
///
/// # Errors
///
/// - The archive grows larger than `limit`; writing stops there.
/// - The directory contains something other than files and directories.
/// - Reading or writing fails.
pub(crate) fn pack(folder: &Path, archive: &Path, limit: u64) -> Result<ArchiveInfo, ArchiveError> {
    let mut sink =
        Sink { file: BufWriter::new(File::create(archive)?), hasher: ArchiveHasher::default(), limit };
    let workers = (0..worker_count()).map(|_| frame_compressor()).collect::<io::Result<Vec<_>>>()?;
    thread::scope(|scope| {
        let (input, frames) = start_workers(scope, workers);
        let packing = scope.spawn(|| pack_entries(folder, FrameWriter::new(input)));
        for frame in frames {
            sink.append(&frame?)?;
        }
        sink.file.flush()?;
        let unpacked = packing.join().map_err(|_| io::Error::other("a packing thread panicked"))??;
        let (digest, size) = sink.hasher.finish();
        Ok(ArchiveInfo { digest, size, unpacked })
    })
}

/// Packs everything in a directory, sorted by name. Returns the size of all files in bytes.
fn pack_entries(folder: &Path, to: FrameWriter) -> Result<u64, ArchiveError> {
    let mut tar = Builder::new(to);
    let mut unpacked = 0;
    for entry in WalkDir::new(folder).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(ArchiveError::from_walkdir)?;
        let name = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let metadata = entry.metadata().map_err(ArchiveError::from_walkdir)?;
        let mut header = Header::new_gnu();
        header.set_mtime(MODIFIED);
        header.set_uid(0);
        header.set_gid(0);
        if metadata.is_dir() {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            tar.append_data(&mut header, name, io::empty())?;
        } else if metadata.is_file() {
            use std::os::unix::fs::PermissionsExt;
            let is_executable = metadata.permissions().mode() & 0o111 != 0;
            header.set_entry_type(EntryType::Regular);
            header.set_mode(if is_executable { 0o755 } else { 0o644 });
            header.set_size(metadata.len());
            unpacked += metadata.len();
            tar.append_data(&mut header, name, File::open(entry.path())?)?;
        } else {
            let path = name.display().to_string();
            return Err(ArchiveError::UnsafeEntry { path, what: "is neither a file nor a directory" });
        }
    }
    tar.into_inner()?.finish()?;
    Ok(unpacked)
}

/// The archive file: hashes what is written and enforces the size limit.
struct Sink {
    file: BufWriter<File>,
    hasher: ArchiveHasher,
    limit: u64,
}

impl Sink {
    fn append(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        if self.hasher.size_with(bytes) > self.limit {
            return Err(ArchiveError::TooLarge { limit: self.limit });
        }
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        Ok(())
    }
}
