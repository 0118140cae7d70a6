use std::{
    io::{self, BufRead, Read},
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, Scope},
};

use flate2::bufread::MultiGzDecoder;
use hyper::body::{Buf, Bytes};

use super::{
    ArchiveError, Archived, Limits,
    buffers::Buffers,
    entries,
    frames::{FRAME, Frames, unpacker},
    in_order::{Done, Given, in_order},
    stream::Stream,
    tally::Tally,
    threads,
};

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// Ours.
    Zstd,
    /// The published operator's.
    Gzip,
}

/// Chunks that wait to be digested.
const DIGESTED: usize = 16;

/// Unpacks an archive, which comes in chunks, into an empty folder that nobody else writes to.
///
/// Errors: anything in it that a set has not; more than the limits; an archive that ends early.
/// What is in the folder is then of no use.
pub fn unpack(
    chunks: impl Iterator<Item = io::Result<Bytes>> + Send,
    form: Form,
    folder: &Path,
    limits: Limits,
) -> Result<Archived, ArchiveError> {
    thread::scope(|scope| {
        let (copies, all) = sync_channel(DIGESTED);
        let digested = scope.spawn(move || digest(&all));
        let mut source = Source { chunks, chunk: Bytes::new(), copies };
        let unpacked = match form {
            Form::Zstd => {
                let buffers = Buffers::default();
                let mut pieces = frames(scope, source, buffers.clone())?;
                let unpacked = entries::read(Stream::new(&mut pieces, buffers), folder, limits)?;
                // What is wrong with the rest is told by the digest.
                pieces.for_each(drop);
                unpacked
            }
            Form::Gzip => {
                let buffers = Buffers::default();
                let pieces = pieces(MultiGzDecoder::new(&mut source), buffers.clone());
                let unpacked = entries::read(Stream::new(pieces, buffers), folder, limits)?;
                io::copy(&mut source, &mut io::sink())?;
                drop(source);
                unpacked
            }
        };
        // The digest is of the whole archive, whatever stands behind the last file.
        let (digest, size) = digested.join().map_err(|_| io::Error::other("a thread ended"))?;
        Ok(Archived { digest, size, unpacked })
    })
}

/// Unpacks the frames of a source in threads of their own, into some buffers.
fn frames<'scope, C>(
    scope: &'scope Scope<'scope, '_>,
    source: Source<C>,
    unpacked: Buffers,
) -> io::Result<Done<io::Result<Vec<u8>>>>
where
    C: Iterator<Item = io::Result<Bytes>> + Send + 'scope,
{
    let packed = Buffers::default();
    let worker = |_| unpacker(packed.clone(), unpacked.clone());
    let workers = (0..threads()).map(worker).collect::<io::Result<Vec<_>>>()?;
    let (given, done) = in_order(scope, workers);
    scope.spawn(|| feed(source, packed, given));
    Ok(done)
}

/// What is read, in some buffers.
fn pieces(mut from: impl Read, buffers: Buffers) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    let limit = u64::try_from(FRAME).unwrap_or(u64::MAX);
    std::iter::from_fn(move || {
        let mut piece = buffers.take();
        match from.by_ref().take(limit).read_to_end(&mut piece) {
            Ok(0) => None,
            Ok(_) => Some(Ok(piece)),
            Err(error) => Some(Err(error)),
        }
    })
}

/// Reads until there is no more, or nobody who takes it.
fn feed(mut source: impl BufRead, buffers: Buffers, mut to: Given<io::Result<Vec<u8>>>) {
    for frame in Frames::of(&mut source, buffers) {
        let broken = frame.is_err();
        if !to.send(frame) {
            return;
        }
        if broken {
            break;
        }
    }
    // For the digest. What can't be read makes it another one.
    _ = io::copy(&mut source, &mut io::sink());
}

/// The digest and the size of all chunks. It takes a thread's time, as unpacking does.
fn digest(chunks: &Receiver<Bytes>) -> (String, u64) {
    let mut tally = Tally::default();
    chunks.iter().for_each(|chunk| tally.add(&chunk));
    tally.end()
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
