use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    thread,
};

use tar::{Builder, EntryType, Header};
use walkdir::WalkDir;

use super::{
    ArchiveError, Archived,
    frames::{Pieces, packer},
    in_order::in_order,
    tally::Tally,
    threads,
};

/// The time of all files: formats of old, zip among them, know none before 1980.
const TIME: u64 = 315_532_800;

/// Writes a folder as an archive of at most `limit` bytes.
///
/// Errors: the archive grows too large, which stops it there; the folder holds something else than
/// files and folders; or something can't be read or written.
pub fn pack(folder: &Path, archive: &Path, limit: u64) -> Result<Archived, ArchiveError> {
    let mut sink = Sink { file: BufWriter::new(File::create(archive)?), tally: Tally::default(), limit };
    let workers = (0..threads()).map(|_| packer()).collect::<io::Result<Vec<_>>>()?;
    thread::scope(|scope| {
        let (given, frames) = in_order(scope, workers);
        let packing = scope.spawn(|| entries(folder, Pieces::new(given)));
        for frame in frames {
            sink.take(&frame?)?;
        }
        sink.file.flush()?;
        let unpacked = packing.join().map_err(|_| io::Error::other("a thread ended"))??;
        let (digest, size) = sink.tally.end();
        Ok(Archived { digest, size, unpacked })
    })
}

/// Packs everything in a folder, sorted by name. Gives the bytes of its files.
fn entries(folder: &Path, to: Pieces) -> Result<u64, ArchiveError> {
    let mut tar = Builder::new(to);
    let mut unpacked = 0;
    for entry in WalkDir::new(folder).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(ArchiveError::of_walk)?;
        let name = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let metadata = entry.metadata().map_err(ArchiveError::of_walk)?;
        let mut header = Header::new_gnu();
        header.set_mtime(TIME);
        header.set_uid(0);
        header.set_gid(0);
        if metadata.is_dir() {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            tar.append_data(&mut header, name, io::empty())?;
        } else if metadata.is_file() {
            use std::os::unix::fs::PermissionsExt;
            let runs = metadata.permissions().mode() & 0o111 != 0;
            header.set_entry_type(EntryType::Regular);
            header.set_mode(if runs { 0o755 } else { 0o644 });
            header.set_size(metadata.len());
            unpacked += metadata.len();
            tar.append_data(&mut header, name, File::open(entry.path())?)?;
        } else {
            let path = name.display().to_string();
            return Err(ArchiveError::Hostile { path, what: "is neither a file nor a folder" });
        }
    }
    tar.into_inner()?.finish()?;
    Ok(unpacked)
}

/// Digests what is written, and stops it.
struct Sink {
    file: BufWriter<File>,
    tally: Tally,
    limit: u64,
}

impl Sink {
    fn take(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        if self.tally.size_with(bytes) > self.limit {
            return Err(ArchiveError::TooLarge { limit: self.limit });
        }
        self.file.write_all(bytes)?;
        self.tally.add(bytes);
        Ok(())
    }
}
