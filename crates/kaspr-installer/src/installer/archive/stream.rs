//! The unpacked bytes of an archive, in buffers. Files are written directly from the buffers, because
//! copying everything takes time and memory.

use std::{
    cell::RefCell,
    io::{self, Read, Seek, SeekFrom},
    ops::Deref,
    sync::Arc,
};

use super::{buffer_pool::BufferPool, sizes::byte_len};

/// A buffer that returns to its pool when it is dropped.
struct PooledBuffer {
    bytes: Vec<u8>,
    pool: BufferPool,
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        self.pool.release(std::mem::take(&mut self.bytes));
    }
}

/// A part of a buffer. The buffer returns to its pool when no slice of it is left.
#[derive(Clone)]
pub(super) struct SharedSlice {
    buffer: Arc<PooledBuffer>,
    begin: usize,
    end: usize,
}

impl SharedSlice {
    /// Creates a slice of a whole buffer, which returns to `pool` afterwards.
    pub(super) fn new(bytes: Vec<u8>, pool: BufferPool) -> Self {
        let end = bytes.len();
        Self { buffer: Arc::new(PooledBuffer { bytes, pool }), begin: 0, end }
    }

    /// Whether both slices are parts of the same buffer.
    pub(super) fn shares_buffer_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.buffer, &other.buffer)
    }

    /// Removes at most `limit` bytes from the beginning of the slice and returns them.
    fn split_to(&mut self, limit: u64) -> Self {
        let length = usize::try_from(limit).unwrap_or(usize::MAX).min(self.len());
        let first = Self { end: self.begin + length, ..self.clone() };
        self.begin += length;
        first
    }
}

impl Deref for SharedSlice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer.bytes[self.begin..self.end]
    }
}

/// A sequence of buffers, read as one stream.
pub(super) struct BufferStream<B> {
    buffers: B,
    pool: BufferPool,
    /// Unread rest of the current buffer.
    rest: SharedSlice,
    /// Number of bytes that were read.
    position: u64,
}

impl<B: Iterator<Item = io::Result<Vec<u8>>>> BufferStream<B> {
    /// Creates a stream of buffers, which return to `pool` afterwards.
    pub(super) fn new(buffers: B, pool: BufferPool) -> Self {
        Self { buffers, rest: SharedSlice::new(Vec::new(), pool.clone()), pool, position: 0 }
    }

    /// Returns at most `limit` bytes, as far as they are in one buffer. Returns `None` at the end.
    fn next_slice(&mut self, limit: u64) -> io::Result<Option<SharedSlice>> {
        while self.rest.is_empty() {
            let Some(buffer) = self.buffers.next() else { return Ok(None) };
            self.rest = SharedSlice::new(buffer?, self.pool.clone());
        }
        let slice = self.rest.split_to(limit);
        self.position += byte_len(&slice);
        Ok(Some(slice))
    }

    /// Returns at most `limit` bytes, as far as they are in one buffer.
    ///
    /// # Errors
    ///
    /// The stream is at its end, or reading fails.
    pub(super) fn read_slice(&mut self, limit: u64) -> io::Result<SharedSlice> {
        self.next_slice(limit)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn skip_to(&mut self, position: u64) -> io::Result<()> {
        while self.position < position {
            self.read_slice(position - self.position)?;
        }
        Ok(())
    }
}

/// Reads headers for the tar reader from a stream from which the content of files is taken directly.
/// A seek of the tar reader skips that content.
pub(super) struct SeekReader<'a, B> {
    stream: &'a RefCell<BufferStream<B>>,
    /// Position of the tar reader.
    position: u64,
    /// Number of bytes that may be read before the next seek. The tar reader keeps a header or a long name
    /// in memory as a whole, so its length is limited.
    remaining: usize,
}

/// Upper bound of the length of a name and of anything else that precedes a file, in bytes.
const LONGEST_HEADER: usize = 1 << 20;

impl<'a, B> SeekReader<'a, B> {
    /// Creates a reader of a stream from which nothing was read yet.
    pub(super) fn new(stream: &'a RefCell<BufferStream<B>>) -> Self {
        Self { stream, position: 0, remaining: LONGEST_HEADER }
    }
}

impl<B: Iterator<Item = io::Result<Vec<u8>>>> Read for SeekReader<'_, B> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut stream = self.stream.borrow_mut();
        stream.skip_to(self.position)?;
        let Some(slice) = stream.next_slice(byte_len(bytes))? else { return Ok(0) };
        let too_long = || io::Error::other("the archive contains a name that is too long");
        self.remaining = self.remaining.checked_sub(slice.len()).ok_or_else(too_long)?;
        bytes[..slice.len()].copy_from_slice(&slice);
        self.position = stream.position;
        Ok(slice.len())
    }
}

impl<B> Seek for SeekReader<'_, B> {
    /// Moves forward. The bytes are skipped when the next byte is read.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Current(distance) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        self.position = self.position.checked_add_signed(distance).ok_or(io::ErrorKind::InvalidInput)?;
        self.remaining = LONGEST_HEADER;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seek_skips_what_was_taken_from_the_stream() {
        let buffers = ["abc", "", "defg", "h"].map(|text| Ok(text.as_bytes().to_vec()));
        let pool = BufferPool::default();
        let stream = RefCell::new(BufferStream::new(buffers.into_iter(), pool.clone()));
        let mut reader = SeekReader::new(&stream);
        let mut two = [0; 2];
        assert_eq!(reader.read(&mut two).expect("bytes"), 2);
        assert_eq!(&two, b"ab");
        // Up to the end of a buffer, and not more than requested.
        let taken: Vec<SharedSlice> =
            [9, 3].map(|n| stream.borrow_mut().read_slice(n).expect("bytes")).into();
        assert_eq!(taken.iter().map(|taken| &**taken).collect::<Vec<_>>(), [&b"c"[..], b"def"]);
        assert_eq!(reader.seek(SeekFrom::Current(5)).expect("forwards"), 7);
        assert_eq!(reader.read(&mut two).expect("a byte"), 1);
        assert_eq!(two[0], b'h');
        assert_eq!(reader.read(&mut two).expect("the end"), 0);
        reader.seek(SeekFrom::Current(1)).expect("forwards");
        assert_eq!(reader.read(&mut two).expect_err("after the end").kind(), io::ErrorKind::UnexpectedEof);
        // Buffers are used again once no slice of them is left.
        drop((taken, stream));
        assert_eq!((0..9).filter(|_| pool.acquire().capacity() > 0).count(), 3);
    }
}
