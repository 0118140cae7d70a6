use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    thread,
};

use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};
use walkdir::WalkDir;

use super::{ArchiveError, Archived};

/// zstd's own default: more takes twice the time for a few percent.
const LEVEL: i32 = 3;

/// The time of all files: formats of old, zip among them, know none before 1980.
const TIME: u64 = 315_532_800;

/// Writes a folder as an archive of at most `limit` bytes.
///
/// Errors: the archive grows too large, which stops it there; the folder holds something else than
/// files and folders; or something can't be read or written.
pub fn pack(folder: &Path, archive: &Path, limit: u64) -> Result<Archived, ArchiveError> {
    let sink = Sink { file: BufWriter::new(File::create(archive)?), digest: Sha256::new(), size: 0, limit };
    let mut encoder = zstd::Encoder::new(sink, LEVEL)?;
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get().min(8));
    encoder.multithread(u32::try_from(threads).unwrap_or(1))?;
    let mut tar = Builder::new(encoder);
    let written = entries(folder, &mut tar);
    let ended = written.and_then(|unpacked| Ok((unpacked, tar.into_inner()?.finish()?)));
    let (unpacked, mut sink) = ended.map_err(|error| match error {
        ArchiveError::Io(e) if e.kind() == io::ErrorKind::FileTooLarge => ArchiveError::TooLarge { limit },
        error => error,
    })?;
    sink.file.flush()?;
    Ok(Archived { digest: hex(&sink.digest.finalize()), size: sink.size, unpacked })
}

/// Adds everything in a folder, sorted by name. Gives the bytes of its files.
fn entries(folder: &Path, tar: &mut Builder<impl Write>) -> Result<u64, ArchiveError> {
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
    Ok(unpacked)
}

/// Counts, digests and stops what is written.
struct Sink {
    file: BufWriter<File>,
    digest: Sha256,
    size: u64,
    limit: u64,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.size.saturating_add(more) > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.file.write_all(bytes)?;
        self.digest.update(bytes);
        self.size += more;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}
