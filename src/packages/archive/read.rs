use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Component, Path, PathBuf},
    sync::{
        Mutex,
        mpsc::{Receiver, sync_channel},
    },
    thread,
};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use tar::{Archive, Entry, EntryType};

use super::{ArchiveError, Archived, Limits, write::hex};

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// Ours.
    Zstd,
    /// The published operator's.
    Gzip,
}

/// A file up to this size is written by another thread than the one that reads the archive.
const SMALL: u64 = 1 << 20;

/// Files that wait to be written. With their size this bounds the memory.
const WAITING: usize = 24;

/// zstd may ask for as much memory as an archive says; ours need 8 MiB.
const WINDOW: u32 = 27;

/// Unpacks an archive into an empty folder that nobody else writes to.
///
/// Errors: anything in it that a set has not; more than the limits; an archive that ends early.
/// What is in the folder is then of no use.
pub fn unpack(from: impl Read, form: Form, folder: &Path, limits: Limits) -> Result<Archived, ArchiveError> {
    let mut source = Source { from, digest: Sha256::new(), size: 0 };
    let unpacked = match form {
        Form::Zstd => {
            let mut decoder = zstd::Decoder::new(&mut source)?;
            decoder.window_log_max(WINDOW)?;
            read(decoder, folder, limits)
        }
        Form::Gzip => {
            read(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, &mut source)), folder, limits)
        }
    }?;
    // The digest is of the whole archive, whatever stands behind the last file.
    io::copy(&mut source, &mut io::sink())?;
    Ok(Archived { digest: hex(&source.digest.finalize()), size: source.size, unpacked })
}

/// Counts and digests what is read.
struct Source<R> {
    from: R,
    digest: Sha256,
    size: u64,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(bytes)?;
        self.digest.update(&bytes[..read]);
        self.size += u64::try_from(read).unwrap_or(u64::MAX);
        Ok(read)
    }
}

/// A file to be written.
struct Job {
    path: PathBuf,
    mode: u32,
    bytes: Vec<u8>,
}

/// Making files is what takes the time, so several threads make them.
fn read(from: impl Read, folder: &Path, limits: Limits) -> Result<u64, ArchiveError> {
    let threads = thread::available_parallelism().map_or(2, |threads| threads.get().clamp(2, 8));
    let (jobs, waiting) = sync_channel::<Job>(WAITING);
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..threads).map(|_| scope.spawn(|| write_all(&waiting))).collect();
        let mut reader = Reader { folder, limits, unpacked: 0, folders: HashSet::new() };
        let mut archive = Archive::new(from);
        let all = archive.entries().map_err(ArchiveError::Io).and_then(|mut entries| {
            entries.try_for_each(|entry| {
                let job = reader.entry(entry?)?;
                // A writer that ended has an error to tell, which counts more.
                job.map_or(Ok(()), |job| {
                    jobs.send(job).map_err(|_| ArchiveError::Io(io::ErrorKind::BrokenPipe.into()))
                })
            })
        });
        drop(jobs);
        for writer in writers {
            match writer.join() {
                Ok(written) => written?,
                Err(_) => return Err(ArchiveError::Io(io::Error::other("a writer ended"))),
            }
        }
        all.map(|()| reader.unpacked)
    })
}

fn write_all(waiting: &Mutex<Receiver<Job>>) -> Result<(), ArchiveError> {
    let mut failed = Ok(());
    loop {
        let next = match waiting.lock() {
            Ok(waiting) => waiting.recv(),
            Err(_) => break,
        };
        let Ok(job) = next else { break };
        // After a failure the rest is taken and thrown away, or the reader would wait for ever.
        if failed.is_ok() {
            failed = job.write();
        }
    }
    failed
}

impl Job {
    fn write(&self) -> Result<(), ArchiveError> {
        create(&self.path, self.mode).and_then(|mut file| io::Write::write_all(&mut file, &self.bytes))?;
        Ok(())
    }
}

/// A name that stands twice does not overwrite.
fn create(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

struct Reader<'a> {
    folder: &'a Path,
    limits: Limits,
    unpacked: u64,
    folders: HashSet<PathBuf>,
}

impl Reader<'_> {
    /// Takes an entry, and gives the file that another thread is to write.
    fn entry(&mut self, mut entry: Entry<'_, impl Read>) -> Result<Option<Job>, ArchiveError> {
        let name = entry.path()?.into_owned();
        let Some(inside) = self.inside(&name)? else { return Ok(None) };
        let path = self.folder.join(&inside);
        self.limits.entries =
            self.limits.entries.checked_sub(1).ok_or(ArchiveError::Endless(self.limits.bytes))?;
        match entry.header().entry_type() {
            EntryType::Directory => {
                self.make(&path)?;
                Ok(None)
            }
            EntryType::Regular | EntryType::Continuous => {
                self.make(path.parent().unwrap_or(self.folder))?;
                self.file(&mut entry, path)
            }
            EntryType::Symlink | EntryType::Link => Err(hostile(&name, "is a link, which no package has")),
            _ => Err(hostile(&name, "is neither a file nor a folder")),
        }
    }

    fn file(&mut self, entry: &mut Entry<'_, impl Read>, path: PathBuf) -> Result<Option<Job>, ArchiveError> {
        let size = entry.size();
        self.unpacked = self.unpacked.saturating_add(size);
        if self.unpacked > self.limits.bytes {
            return Err(ArchiveError::Endless(self.limits.bytes));
        }
        let mode = if entry.header().mode()? & 0o111 == 0 { 0o644 } else { 0o755 };
        if size > SMALL {
            let written = io::copy(entry, &mut create(&path, mode)?)?;
            return if written == size { Ok(None) } else { Err(cut_off()) };
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        entry.read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).ok() != Some(size) {
            return Err(cut_off());
        }
        Ok(Some(Job { path, mode, bytes }))
    }

    /// The path below the folder; none for the folder itself, and for what the published operator
    /// kept beside its packages.
    fn inside(&self, name: &Path) -> Result<Option<PathBuf>, ArchiveError> {
        let mut inside = PathBuf::new();
        for part in name.components() {
            match part {
                Component::Normal(part) => inside.push(part),
                Component::CurDir => {}
                Component::ParentDir => return Err(hostile(name, "leaves the folder")),
                Component::RootDir | Component::Prefix(_) => {
                    return Err(hostile(name, "is an absolute path"));
                }
            }
        }
        let own = inside.to_str().is_some_and(|name| name.starts_with(".install") && !name.contains('/'));
        Ok((!own && !inside.as_os_str().is_empty()).then_some(inside))
    }

    fn make(&mut self, path: &Path) -> Result<(), ArchiveError> {
        if path != self.folder && !self.folders.contains(path) {
            fs::create_dir_all(path)?;
            self.folders.insert(path.to_owned());
        }
        Ok(())
    }
}

fn hostile(name: &Path, what: &'static str) -> ArchiveError {
    ArchiveError::Hostile { path: name.display().to_string(), what }
}

fn cut_off() -> ArchiveError {
    ArchiveError::Io(io::ErrorKind::UnexpectedEof.into())
}
