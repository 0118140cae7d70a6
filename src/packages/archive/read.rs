use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, Read, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Component, Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

use flate2::bufread::MultiGzDecoder;
use hyper::body::{Buf, Bytes};
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

/// The most of a file that is written in one piece.
const PIECE: u64 = 1 << 20;

/// Small files are written together: waking a thread takes longer than making a file.
const TOGETHER: usize = 256 << 10;

/// Pieces that wait to be written. With their size this bounds the memory.
const WAITING: usize = 24;

/// zstd may ask for as much memory as an archive says; ours need 8 MiB.
const WINDOW: u32 = 27;

/// Unpacks an archive, which comes in chunks, into an empty folder that nobody else writes to.
///
/// Errors: anything in it that a set has not; more than the limits; an archive that ends early.
/// What is in the folder is then of no use.
pub fn unpack(
    chunks: impl Iterator<Item = io::Result<Bytes>>,
    form: Form,
    folder: &Path,
    limits: Limits,
) -> Result<Archived, ArchiveError> {
    thread::scope(|scope| {
        let (copies, all) = sync_channel(1);
        let digested = scope.spawn(move || digest(&all));
        let mut source = Source { chunks, chunk: Bytes::new(), copies };
        let unpacked = match form {
            Form::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(&mut source)?;
                decoder.window_log_max(WINDOW)?;
                read(decoder, folder, limits)
            }
            Form::Gzip => read(MultiGzDecoder::new(&mut source), folder, limits),
        }?;
        // The digest is of the whole archive, whatever stands behind the last file.
        io::copy(&mut source, &mut io::sink())?;
        drop(source);
        let (digest, size) = digested.join().map_err(|_| ArchiveError::Io(io::ErrorKind::Other.into()))?;
        Ok(Archived { digest, size, unpacked })
    })
}

/// The digest and the size of all chunks. It takes a thread's time, as unpacking does.
fn digest(chunks: &Receiver<Bytes>) -> (String, u64) {
    let (mut digest, mut size) = (Sha256::new(), 0);
    for chunk in chunks {
        digest.update(&chunk);
        size += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
    }
    (hex(&digest.finalize()), size)
}

/// Reads chunks, and passes them on to be digested.
struct Source<C> {
    chunks: C,
    /// What is left of the last one.
    chunk: Bytes,
    copies: SyncSender<Bytes>,
}

impl<C: Iterator<Item = io::Result<Bytes>>> BufRead for Source<C> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.chunk.is_empty() {
            let Some(chunk) = self.chunks.next() else { break };
            self.chunk = chunk?;
            self.copies.send(self.chunk.clone()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        Ok(&self.chunk)
    }

    fn consume(&mut self, read: usize) {
        self.chunk.advance(read);
    }
}

impl<C: Iterator<Item = io::Result<Bytes>>> Read for Source<C> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(bytes)?;
        self.consume(read);
        Ok(read)
    }
}

/// What is to be written.
enum Job {
    /// Small files, each with its mode and its end in the bytes.
    Files { files: Vec<(PathBuf, u32, usize)>, bytes: Vec<u8> },
    /// A piece of a larger one.
    Piece { file: Arc<File>, offset: u64, bytes: Vec<u8> },
}

/// Making and writing files takes longer than reading the archive, so other threads do it.
fn read(from: impl Read, folder: &Path, limits: Limits) -> Result<u64, ArchiveError> {
    let threads = thread::available_parallelism().map_or(2, |threads| threads.get().clamp(2, 8));
    let (jobs, waiting) = sync_channel::<Job>(WAITING);
    let (written, free) = channel();
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        let writer = |written: Sender<Vec<u8>>| scope.spawn(|| write_all(&waiting, written));
        let writers: Vec<_> = (0..threads).map(|_| writer(written.clone())).collect();
        let mut reader = Reader {
            folder,
            limits,
            jobs,
            free,
            unpacked: 0,
            folders: HashSet::new(),
            small: Vec::new(),
            bytes: Vec::new(),
        };
        let all = reader.read_all(&mut Archive::new(from));
        let unpacked = reader.unpacked;
        drop(reader);
        for writer in writers {
            match writer.join() {
                Ok(written) => written?,
                Err(_) => return Err(ArchiveError::Io(io::Error::other("a writer ended"))),
            }
        }
        all.map(|()| unpacked)
    })
}

/// Writes until nobody sends more. Buffers are given back: fresh memory takes longer than a small file.
fn write_all(waiting: &Mutex<Receiver<Job>>, written: Sender<Vec<u8>>) -> Result<(), ArchiveError> {
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
        // Nobody takes it any more after the last file.
        _ = written.send(job.into_bytes());
    }
    failed
}

impl Job {
    fn write(&self) -> Result<(), ArchiveError> {
        match self {
            Self::Files { files, bytes } => {
                let mut begin = 0;
                for (path, mode, end) in files {
                    create(path, *mode)?.write_all(&bytes[begin..*end])?;
                    begin = *end;
                }
            }
            Self::Piece { file, offset, bytes } => file.write_all_at(bytes, *offset)?,
        }
        Ok(())
    }

    fn into_bytes(self) -> Vec<u8> {
        let (Self::Files { bytes, .. } | Self::Piece { bytes, .. }) = self;
        bytes
    }
}

/// A name that stands twice does not overwrite.
fn create(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

struct Reader<'a> {
    folder: &'a Path,
    limits: Limits,
    jobs: SyncSender<Job>,
    /// Buffers that were written.
    free: Receiver<Vec<u8>>,
    unpacked: u64,
    folders: HashSet<PathBuf>,
    /// Small files that are not sent yet, and their bytes.
    small: Vec<(PathBuf, u32, usize)>,
    bytes: Vec<u8>,
}

impl Reader<'_> {
    fn read_all(&mut self, archive: &mut Archive<impl Read>) -> Result<(), ArchiveError> {
        for entry in archive.entries()? {
            self.entry(entry?)?;
        }
        self.send_small()
    }

    fn send(&self, job: Job) -> Result<(), ArchiveError> {
        // A writer that ended has an error to tell, which counts more.
        self.jobs.send(job).map_err(|_| ArchiveError::Io(io::ErrorKind::BrokenPipe.into()))
    }

    fn send_small(&mut self) -> Result<(), ArchiveError> {
        let next = self.buffer();
        let bytes = std::mem::replace(&mut self.bytes, next);
        let files = std::mem::take(&mut self.small);
        self.send(Job::Files { files, bytes })
    }

    /// An empty buffer.
    fn buffer(&self) -> Vec<u8> {
        let mut bytes = self.free.try_recv().unwrap_or_default();
        bytes.clear();
        bytes
    }

    /// Takes an entry, and sends what other threads are to write.
    fn entry(&mut self, mut entry: Entry<'_, impl Read>) -> Result<(), ArchiveError> {
        let name = entry.path()?.into_owned();
        let Some(inside) = self.inside(&name)? else { return Ok(()) };
        let path = self.folder.join(&inside);
        self.limits.entries =
            self.limits.entries.checked_sub(1).ok_or(ArchiveError::Endless(self.limits.bytes))?;
        match entry.header().entry_type() {
            EntryType::Directory => self.make(&path),
            EntryType::Regular | EntryType::Continuous => {
                self.make(path.parent().unwrap_or(self.folder))?;
                self.file(&mut entry, path)
            }
            EntryType::Symlink | EntryType::Link => Err(hostile(&name, "is a link, which no package has")),
            _ => Err(hostile(&name, "is neither a file nor a folder")),
        }
    }

    fn file(&mut self, entry: &mut Entry<'_, impl Read>, path: PathBuf) -> Result<(), ArchiveError> {
        let size = entry.size();
        self.unpacked = self.unpacked.saturating_add(size);
        if self.unpacked > self.limits.bytes {
            return Err(ArchiveError::Endless(self.limits.bytes));
        }
        let mode = if entry.header().mode()? & 0o111 == 0 { 0o644 } else { 0o755 };
        if size <= PIECE {
            append(entry, size, &mut self.bytes)?;
            self.small.push((path, mode, self.bytes.len()));
            return if self.bytes.len() < TOGETHER { Ok(()) } else { self.send_small() };
        }
        let file = Arc::new(create(&path, mode)?);
        let mut offset = 0;
        while offset < size {
            let mut bytes = self.buffer();
            append(entry, PIECE.min(size - offset), &mut bytes)?;
            self.send(Job::Piece { file: file.clone(), offset, bytes })?;
            offset += PIECE;
        }
        Ok(())
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

/// Reads that many bytes.
fn append(entry: &mut impl Read, size: u64, bytes: &mut Vec<u8>) -> Result<(), ArchiveError> {
    bytes.reserve(usize::try_from(size).unwrap_or(0));
    let read = entry.take(size).read_to_end(bytes)?;
    if u64::try_from(read).ok() == Some(size) { Ok(()) } else { Err(cut_off()) }
}

fn hostile(name: &Path, what: &'static str) -> ArchiveError {
    ArchiveError::Hostile { path: name.display().to_string(), what }
}

fn cut_off() -> ArchiveError {
    ArchiveError::Io(io::ErrorKind::UnexpectedEof.into())
}
