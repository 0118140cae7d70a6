//! Files that several threads make: that takes longer than reading them from an archive.

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

use super::{ArchiveError, length, stream::Stretch, threads};

/// The most of a file that is written in one piece.
const PIECE: u64 = 1 << 20;

/// Small files are written together: waking a thread takes longer than making a file.
const TOGETHER: u64 = 256 << 10;

/// And so many at most, since files may be empty.
const AT_ONCE: usize = 256;

/// The most stretches of a small file: a piece of an archive of ours is larger than such a file. What is
/// scattered over more would hold as many of them in memory.
const SCATTERED: usize = 2;

/// Pieces that wait to be written. With their size this bounds the memory.
const WAITING: usize = 12;

/// What is in a file: at most so many of its next bytes, and at least one.
pub trait Next: FnMut(u64) -> io::Result<Stretch> {}

impl<F: FnMut(u64) -> io::Result<Stretch>> Next for F {}

/// A small file: where it is to be, its mode, and what is in it.
type Small = (PathBuf, u32, Vec<Stretch>);

/// What is to be written.
enum Job {
    Files(Vec<Small>),
    /// A piece of a larger one.
    Piece {
        file: Arc<File>,
        offset: u64,
        bytes: Stretch,
    },
}

impl Job {
    fn write(self) -> Result<(), ArchiveError> {
        match self {
            Self::Files(files) => {
                for (path, mode, stretches) in files {
                    let mut file = create(&path, mode)?;
                    for stretch in stretches {
                        file.write_all(&stretch)?;
                    }
                }
            }
            Self::Piece { file, offset, bytes } => file.write_all_at(&bytes, offset)?,
        }
        Ok(())
    }
}

/// A name that stands twice does not overwrite.
fn create(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

/// Takes files to be written.
pub struct Files {
    jobs: SyncSender<Job>,
    /// Small files that are not sent yet, and the bytes in them.
    small: Vec<Small>,
    together: u64,
}

impl Files {
    /// Writes what `work` adds, and waits for it.
    pub fn write<T>(work: impl FnOnce(&mut Self) -> Result<T, ArchiveError>) -> Result<T, ArchiveError> {
        let (jobs, waiting) = sync_channel::<Job>(WAITING);
        let waiting = Mutex::new(waiting);
        thread::scope(|scope| {
            let writers: Vec<_> = (0..threads()).map(|_| scope.spawn(|| write_all(&waiting))).collect();
            let mut files = Self { jobs, small: Vec::new(), together: 0 };
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

    /// A file with that many bytes, at a path that nobody has yet.
    pub fn add(
        &mut self,
        path: PathBuf,
        mode: u32,
        size: u64,
        next: &mut impl Next,
    ) -> Result<(), ArchiveError> {
        let mut first: Vec<Stretch> = Vec::new();
        let mut taken = 0;
        while taken < size.min(PIECE) && first.len() < SCATTERED {
            let bytes = next(PIECE.min(size - taken))?;
            taken += length(&bytes);
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
            offset += length(&bytes);
            self.send(Job::Piece { file: file.clone(), offset: begin, bytes })?;
        }
        Ok(())
    }

    fn add_small(&mut self, path: PathBuf, mode: u32, stretches: Vec<Stretch>) -> Result<(), ArchiveError> {
        let before = self.small.iter().rev().find_map(|(_, _, stretches)| stretches.last());
        let beside = before.zip(stretches.first()).is_none_or(|(before, first)| first.is_beside(before));
        // Else files that wait could hold any number of pieces.
        if !beside {
            self.send_small()?;
        }
        self.together += stretches.iter().map(|stretch| length(stretch)).sum::<u64>();
        self.small.push((path, mode, stretches));
        if self.together >= TOGETHER || self.small.len() >= AT_ONCE { self.send_small() } else { Ok(()) }
    }

    fn send(&self, job: Job) -> Result<(), ArchiveError> {
        // A writer that ended has an error to tell, which counts more.
        self.jobs.send(job).map_err(|_| ArchiveError::Io(io::ErrorKind::BrokenPipe.into()))
    }

    fn send_small(&mut self) -> Result<(), ArchiveError> {
        self.together = 0;
        let files = std::mem::take(&mut self.small);
        self.send(Job::Files(files))
    }
}

/// Writes until nobody sends more.
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

#[cfg(test)]
mod tests {
    use super::{super::buffers::Buffers, *};

    /// As many bytes as are asked for, in pieces of their own of at most 300 KiB.
    fn sevens(limit: u64) -> io::Result<Stretch> {
        let length = usize::try_from(limit.min(300 << 10)).expect("a length");
        Ok(Stretch::of(vec![7; length], Buffers::default()))
    }

    #[test]
    fn neither_many_empty_files_nor_large_ones_pile_up_in_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: String| folder.path().join(name);
        Files::write(|files| {
            for i in 0..5 * AT_ONCE {
                files.add(at(format!("empty{i}")), 0o644, 0, &mut sevens)?;
                assert!(files.small.len() < AT_ONCE);
            }
            files.add(at("large".to_owned()), 0o755, 3 * PIECE + 1, &mut sevens)?;
            for i in 0..10 {
                files.add(at(format!("small{i}")), 0o644, 1, &mut sevens)?;
                assert_eq!(files.small.iter().filter(|(_, _, stretches)| !stretches.is_empty()).count(), 1);
            }
            Ok(())
        })
        .expect("written");
        let large = std::fs::read(at("large".to_owned())).expect("the large one");
        assert!(large.len() == 3 << 20 | 1 && large.iter().all(|byte| *byte == 7));
        assert_eq!(std::fs::read(at("small9".to_owned())).expect("a small one"), [7]);
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 5 * AT_ONCE + 11);
    }

    #[test]
    fn what_is_scattered_is_written_piece_by_piece() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("scattered");
        let mut bytes = 0..100;
        let mut next = |_| Ok(Stretch::of(vec![bytes.next().expect("a byte")], Buffers::default()));
        Files::write(|files| {
            files.add(path.clone(), 0o644, 100, &mut next)?;
            assert!(files.small.is_empty());
            Ok(())
        })
        .expect("written");
        assert_eq!(std::fs::read(&path).expect("the file"), (0..100).collect::<Vec<u8>>());
    }

    #[test]
    fn a_file_that_is_there_is_not_written_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("there");
        std::fs::write(&path, "before").expect("written");
        let failed = Files::write(|files| files.add(path.clone(), 0o644, 1, &mut sevens));
        assert!(failed.is_err());
        assert_eq!(std::fs::read_to_string(&path).expect("the file"), "before");
    }
}
