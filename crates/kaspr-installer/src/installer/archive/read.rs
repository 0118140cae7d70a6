//! Unpacks an archive into a directory.

use std::{
    io::{self, BufRead, Read},
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, Scope},
};

use flate2::bufread::MultiGzDecoder;
use hyper::body::{Buf, Bytes};

use super::{
    buffer_pool::BufferPool,
    entries,
    error::ArchiveError,
    frames::{FRAME, FrameReader, frame_decompressor},
    hashing::ArchiveHasher,
    info::{ArchiveInfo, ArchiveLimits},
    ordered_pool::{PoolInput, PoolOutput, start_workers},
    sizes::worker_count,
    stream::BufferStream,
};

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Compression {
    /// Compression of the archives that [`pack`](super::write::pack) writes.
    Zstd,
    /// Compression of the archives that the Python operator wrote.
    Gzip,
}

/// Number of chunks that may wait to be hashed.
const HASH_QUEUE: usize = 16;

/// Unpacks an archive, which arrives in chunks, into an empty directory that no other process writes to.
///
/// # Errors
///
/// - The archive contains an entry that a package set cannot have.
/// - The archive exceeds the limits.
/// - The archive is truncated or cannot be read.
///
/// After an error the content of the directory is incomplete and must not be used.
pub(crate) fn unpack(
    chunks: impl Iterator<Item = io::Result<Bytes>> + Send,
    compression: Compression,
    folder: &Path,
    limits: ArchiveLimits,
) -> Result<ArchiveInfo, ArchiveError> {
    thread::scope(|scope| {
        let (copies, all) = sync_channel(HASH_QUEUE);
        let hashing = scope.spawn(move || hash(&all));
        let mut source = Source { chunks, chunk: Bytes::new(), copies };
        let unpacked = match compression {
            Compression::Zstd => {
                let pool = BufferPool::default();
                let mut buffers = decompress_frames(scope, source, pool.clone())?;
                let unpacked = entries::unpack(BufferStream::new(&mut buffers, pool), folder, limits)?;
                // The digest covers the rest, so errors in it need no report of their own.
                buffers.for_each(drop);
                unpacked
            }
            Compression::Gzip => {
                let pool = BufferPool::default();
                let buffers = read_buffers(MultiGzDecoder::new(&mut source), pool.clone());
                let unpacked = entries::unpack(BufferStream::new(buffers, pool), folder, limits)?;
                io::copy(&mut source, &mut io::sink())?;
                drop(source);
                unpacked
            }
        };
        // The digest is of the whole archive, including anything after the last file.
        let (digest, size) = hashing.join().map_err(|_| io::Error::other("the hashing thread panicked"))?;
        Ok(ArchiveInfo { digest, size, unpacked })
    })
}

/// Decompresses the frames of a source in threads of their own, into buffers of a pool.
fn decompress_frames<'scope, C>(
    scope: &'scope Scope<'scope, '_>,
    source: Source<C>,
    unpacked: BufferPool,
) -> io::Result<PoolOutput<io::Result<Vec<u8>>>>
where
    C: Iterator<Item = io::Result<Bytes>> + Send + 'scope,
{
    let packed = BufferPool::default();
    let worker = |_| frame_decompressor(packed.clone(), unpacked.clone());
    let workers = (0..worker_count()).map(worker).collect::<io::Result<Vec<_>>>()?;
    let (input, output) = start_workers(scope, workers);
    scope.spawn(|| send_frames(source, packed, input));
    Ok(output)
}

/// Reads a stream into buffers of a pool.
fn read_buffers(mut from: impl Read, pool: BufferPool) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    let limit = u64::try_from(FRAME).unwrap_or(u64::MAX);
    std::iter::from_fn(move || {
        let mut buffer = pool.acquire();
        match from.by_ref().take(limit).read_to_end(&mut buffer) {
            Ok(0) => None,
            Ok(_) => Some(Ok(buffer)),
            Err(error) => Some(Err(error)),
        }
    })
}

/// Sends frames to the workers until the source ends or the results are no longer needed.
fn send_frames(mut source: impl BufRead, pool: BufferPool, mut to: PoolInput<io::Result<Vec<u8>>>) {
    for frame in FrameReader::new(&mut source, pool) {
        let broken = frame.is_err();
        if !to.send(frame) {
            return;
        }
        if broken {
            break;
        }
    }
    // The rest is read for the digest. A read error changes the digest, so it is not lost.
    _ = io::copy(&mut source, &mut io::sink());
}

/// Computes the digest and the size of all chunks. This takes about as long as unpacking, so it runs
/// in a thread of its own.
fn hash(chunks: &Receiver<Bytes>) -> (String, u64) {
    let mut hasher = ArchiveHasher::default();
    chunks.iter().for_each(|chunk| hasher.update(&chunk));
    hasher.finish()
}

/// Reads chunks and sends a copy of each to the hashing thread.
struct Source<C> {
    chunks: C,
    /// Unread rest of the current chunk.
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
