//! Writes files with several threads, because creating files takes longer than reading them from an
//! archive.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use super::{
    error::ArchiveError,
    sizes::{byte_len, worker_count},
    stream::SharedSlice,
};

/// Largest part of a file that is written at once, in bytes.
const PIECE: u64 = 1 << 20;

/// Small files are written in batches of this size in bytes: waking a thread takes longer than creating
/// a file.
const BATCH_BYTES: u64 = 256 << 10;

/// Largest number of files in a batch. Files may be empty, so the size alone does not limit a batch.
const BATCH_FILES: usize = 256;

/// Largest number of slices of a small file. A buffer is larger than a small file, so two suffice. A file
/// that consists of more slices would keep as many buffers in memory.
const SMALL_SLICES: usize = 2;

/// Number of jobs that may wait to be written. With the size of a job this limits the memory.
const QUEUE: usize = 12;

/// Reads the content of a file: returns at least one and at most the given number of its next bytes.
pub(super) trait SliceSource: FnMut(u64) -> io::Result<SharedSlice> {}

impl<F: FnMut(u64) -> io::Result<SharedSlice>> SliceSource for F {}

/// A small file: path, mode and content.
type SmallFile = (PathBuf, u32, Vec<SharedSlice>);

/// A task of a writer thread.
enum Job {
    SmallFiles(Vec<SmallFile>),
    /// A part of a large file.
    Piece {
        file: Arc<File>,
        offset: u64,
        bytes: SharedSlice,
    },
}

impl Job {
    fn write(self) -> Result<(), ArchiveError> {
        match self {
            Self::SmallFiles(files) => {
                for (path, mode, slices) in files {
                    let mut file = create(&path, mode)?;
                    for slice in slices {
                        file.write_all(&slice)?;
                    }
                }
            }
            Self::Piece { file, offset, bytes } => file.write_all_at(&bytes, offset)?,
        }
        Ok(())
    }
}

/// Creates a file. Fails if the archive contains the path twice, instead of overwriting.
fn create(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

/// Accepts files and sends them to writer threads.
pub(super) struct FileWriter {
    jobs: SyncSender<Job>,
    /// Small files of the next batch.
    small: Vec<SmallFile>,
    /// Size of these files in bytes.
    small_bytes: u64,
}

impl FileWriter {
    /// Runs `work`, and waits until everything that it added is written.
    pub(super) fn run<T>(work: impl FnOnce(&mut Self) -> Result<T, ArchiveError>) -> Result<T, ArchiveError> {
        let (jobs, waiting) = sync_channel::<Job>(QUEUE);
        let waiting = Mutex::new(waiting);
        thread::scope(|scope| {
            let writers: Vec<_> = (0..worker_count()).map(|_| scope.spawn(|| write_all(&waiting))).collect();
            let mut files = Self { jobs, small: Vec::new(), small_bytes: 0 };
            let done = work(&mut files).and_then(|done| files.send_small().map(|()| done));
            drop(files);
            for writer in writers {
                match writer.join() {
                    Ok(written) => written?,
                    Err(_) => return Err(ArchiveError::Io(io::Error::other("a writer thread panicked"))),
                }
            }
            done
        })
    }

    /// Adds a file of `size` bytes at a path that does not exist yet.
    pub(super) fn add_file(
        &mut self,
        path: PathBuf,
        mode: u32,
        size: u64,
        next: &mut impl SliceSource,
    ) -> Result<(), ArchiveError> {
        let mut first: Vec<SharedSlice> = Vec::new();
        let mut taken = 0;
        while taken < size.min(PIECE) && first.len() < SMALL_SLICES {
            let bytes = next(PIECE.min(size - taken))?;
            taken += byte_len(&bytes);
            first.push(bytes);
        }
        if taken == size {
            return self.add_small(path, mode, first);
        }
        let file = Arc::new(create(&path, mode)?);
        let mut offset = 0;
        let mut first = first.into_iter();
        while offset < size {
            let bytes = first.next().map_or_else(|| next(PIECE.min(size - offset)), Ok)?;
            let begin = offset;
            offset += byte_len(&bytes);
            self.send(Job::Piece { file: file.clone(), offset: begin, bytes })?;
        }
        Ok(())
    }

    fn add_small(&mut self, path: PathBuf, mode: u32, slices: Vec<SharedSlice>) -> Result<(), ArchiveError> {
        let previous = self.small.iter().rev().find_map(|(_, _, slices)| slices.last());
        let same_buffer =
            previous.zip(slices.first()).is_none_or(|(previous, first)| first.shares_buffer_with(previous));
        // A batch must not keep more than one buffer in memory.
        if !same_buffer {
            self.send_small()?;
        }
        self.small_bytes += slices.iter().map(|slice| byte_len(slice)).sum::<u64>();
        self.small.push((path, mode, slices));
        if self.small_bytes >= BATCH_BYTES || self.small.len() >= BATCH_FILES {
            self.send_small()
        } else {
            Ok(())
        }
    }

    fn send(&self, job: Job) -> Result<(), ArchiveError> {
        // A writer that stopped reports an error of its own, which is the cause.
        self.jobs.send(job).map_err(|_| ArchiveError::Io(io::ErrorKind::BrokenPipe.into()))
    }

    fn send_small(&mut self) -> Result<(), ArchiveError> {
        self.small_bytes = 0;
        let files = std::mem::take(&mut self.small);
        self.send(Job::SmallFiles(files))
    }
}

/// Executes jobs until the sender is dropped.
fn write_all(waiting: &Mutex<Receiver<Job>>) -> Result<(), ArchiveError> {
    let mut failed = Ok(());
    loop {
        let next = match waiting.lock() {
            Ok(waiting) => waiting.recv(),
            Err(_) => break,
        };
        let Ok(job) = next else { break };
        // After an error the remaining jobs are discarded; otherwise the sender would block forever.
        if failed.is_ok() {
            failed = job.write();
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::{super::buffer_pool::BufferPool, *};

    /// Returns the requested number of bytes, at most 300 KiB, in a buffer of its own.
    fn next_sevens(limit: u64) -> io::Result<SharedSlice> {
        let length = usize::try_from(limit.min(300 << 10)).expect("a length");
        Ok(SharedSlice::new(vec![7; length], BufferPool::default()))
    }

    #[test]
    fn neither_many_empty_files_nor_large_ones_accumulate_in_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: String| folder.path().join(name);
        FileWriter::run(|files| {
            for i in 0..5 * BATCH_FILES {
                files.add_file(at(format!("empty{i}")), 0o644, 0, &mut next_sevens)?;
                assert!(files.small.len() < BATCH_FILES);
            }
            files.add_file(at("large".to_owned()), 0o755, 3 * PIECE + 1, &mut next_sevens)?;
            for i in 0..10 {
                files.add_file(at(format!("small{i}")), 0o644, 1, &mut next_sevens)?;
                assert_eq!(files.small.iter().filter(|(_, _, slices)| !slices.is_empty()).count(), 1);
            }
            Ok(())
        })
        .expect("written");
        let large = std::fs::read(at("large".to_owned())).expect("the large one");
        assert!(large.len() == 3 << 20 | 1 && large.iter().all(|byte| *byte == 7));
        assert_eq!(std::fs::read(at("small9".to_owned())).expect("a small one"), [7]);
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 5 * BATCH_FILES + 11);
    }

    #[test]
    fn a_file_of_many_slices_is_written_slice_by_slice() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("scattered");
        let mut bytes = 0..100;
        let mut next = |_| Ok(SharedSlice::new(vec![bytes.next().expect("a byte")], BufferPool::default()));
        FileWriter::run(|files| {
            files.add_file(path.clone(), 0o644, 100, &mut next)?;
            assert!(files.small.is_empty());
            Ok(())
        })
        .expect("written");
        assert_eq!(std::fs::read(&path).expect("the file"), (0..100).collect::<Vec<u8>>());
    }

    #[test]
    fn an_existing_file_is_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("there");
        std::fs::write(&path, "before").expect("written");
        let failed = FileWriter::run(|files| files.add_file(path.clone(), 0o644, 1, &mut next_sevens));
        assert!(failed.is_err());
        assert_eq!(std::fs::read_to_string(&path).expect("the file"), "before");
    }
}
