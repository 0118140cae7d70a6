//! Files that several threads make: that takes longer than reading them from an archive.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use super::{ArchiveError, buffers::Buffers, threads};

/// The most of a file that is written in one piece.
const PIECE: u64 = 1 << 20;

/// Small files are written together: waking a thread takes longer than making a file.
const TOGETHER: usize = 256 << 10;

/// And so many at most, since files may be empty.
const AT_ONCE: usize = 256;

/// Pieces that wait to be written. With their size this bounds the memory.
const WAITING: usize = 12;

/// What is to be written.
enum Job {
    /// Small files, each with its mode and its end in the bytes.
    Files { files: Vec<(PathBuf, u32, usize)>, bytes: Vec<u8> },
    /// A piece of a larger one.
    Piece { file: Arc<File>, offset: u64, bytes: Vec<u8> },
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

/// Takes files to be written.
pub struct Files {
    jobs: SyncSender<Job>,
    buffers: Buffers,
    /// Small files that are not sent yet, and their bytes.
    small: Vec<(PathBuf, u32, usize)>,
    bytes: Vec<u8>,
}

impl Files {
    /// Writes what `work` adds, and waits for it.
    pub fn write<T>(work: impl FnOnce(&mut Self) -> Result<T, ArchiveError>) -> Result<T, ArchiveError> {
        let (jobs, waiting) = sync_channel::<Job>(WAITING);
        let buffers = Buffers::default();
        let waiting = Mutex::new(waiting);
        thread::scope(|scope| {
            let writers: Vec<_> =
                (0..threads()).map(|_| scope.spawn(|| write_all(&waiting, &buffers))).collect();
            let mut files = Self { jobs, buffers: buffers.clone(), small: Vec::new(), bytes: Vec::new() };
            let done = work(&mut files).and_then(|done| files.send_small().map(|()| done));
            drop(files);
            for writer in writers {
                match writer.join() {
                    Ok(written) => written?,
                    Err(_) => return Err(ArchiveError::Io(io::Error::other("a writer ended"))),
                }
            }
            done
        })
    }

    /// A file with that many bytes of `from`, at a path that nobody has yet.
    pub fn add(
        &mut self,
        path: PathBuf,
        mode: u32,
        size: u64,
        from: &mut impl Read,
    ) -> Result<(), ArchiveError> {
        if size <= PIECE {
            append(from, size, &mut self.bytes)?;
            self.small.push((path, mode, self.bytes.len()));
            let enough = self.bytes.len() >= TOGETHER || self.small.len() >= AT_ONCE;
            return if enough { self.send_small() } else { Ok(()) };
        }
        let file = Arc::new(create(&path, mode)?);
        let mut offset = 0;
        while offset < size {
            let mut bytes = self.buffers.take();
            append(from, PIECE.min(size - offset), &mut bytes)?;
            self.send(Job::Piece { file: file.clone(), offset, bytes })?;
            offset += PIECE;
        }
        Ok(())
    }

    fn send(&self, job: Job) -> Result<(), ArchiveError> {
        // A writer that ended has an error to tell, which counts more.
        self.jobs.send(job).map_err(|_| ArchiveError::Io(io::ErrorKind::BrokenPipe.into()))
    }

    fn send_small(&mut self) -> Result<(), ArchiveError> {
        let next = self.buffers.take();
        let bytes = std::mem::replace(&mut self.bytes, next);
        let files = std::mem::take(&mut self.small);
        self.send(Job::Files { files, bytes })
    }
}

/// Writes until nobody sends more.
fn write_all(waiting: &Mutex<Receiver<Job>>, written: &Buffers) -> Result<(), ArchiveError> {
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
        written.give(job.into_bytes());
    }
    failed
}

/// Reads that many bytes.
fn append(from: &mut impl Read, size: u64, bytes: &mut Vec<u8>) -> Result<(), ArchiveError> {
    bytes.reserve(usize::try_from(size).unwrap_or(0));
    let read = from.take(size).read_to_end(bytes)?;
    if u64::try_from(read).ok() == Some(size) {
        Ok(())
    } else {
        Err(ArchiveError::Io(io::ErrorKind::UnexpectedEof.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_many_empty_files_nor_large_ones_pile_up_in_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: String| folder.path().join(name);
        Files::write(|files| {
            for i in 0..5 * AT_ONCE {
                files.add(at(format!("empty{i}")), 0o644, 0, &mut io::empty())?;
                assert!(files.small.len() < AT_ONCE);
            }
            files.add(at("large".to_owned()), 0o755, 3 * PIECE + 1, &mut io::repeat(7))?;
            assert!(files.bytes.len() < TOGETHER);
            Ok(())
        })
        .expect("written");
        let large = std::fs::read(at("large".to_owned())).expect("the large one");
        assert!(large.len() == 3 << 20 | 1 && large.iter().all(|byte| *byte == 7));
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 5 * AT_ONCE + 1);
    }

    #[test]
    fn a_file_that_is_there_is_not_written_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("there");
        std::fs::write(&path, "before").expect("written");
        let failed = Files::write(|files| files.add(path.clone(), 0o644, 1, &mut io::repeat(7)));
        assert!(failed.is_err());
        assert_eq!(std::fs::read_to_string(&path).expect("the file"), "before");
    }
}
