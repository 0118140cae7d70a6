//! An archive as it is unpacked: in pieces, whose bytes are written from where they are, since a
//! copy of everything takes time and memory.

use std::{
    cell::RefCell,
    io::{self, Read, Seek, SeekFrom},
    ops::Deref,
    sync::Arc,
};

use super::{buffers::Buffers, length};

/// A buffer that goes back when nobody needs it any more.
struct Piece {
    bytes: Vec<u8>,
    home: Buffers,
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.home.give(std::mem::take(&mut self.bytes));
    }
}

/// A part of a piece.
#[derive(Clone)]
pub struct Stretch {
    piece: Arc<Piece>,
    begin: usize,
    end: usize,
}

impl Stretch {
    /// All of a buffer, which then goes back to `home`.
    pub fn of(bytes: Vec<u8>, home: Buffers) -> Self {
        let end = bytes.len();
        Self { piece: Arc::new(Piece { bytes, home }), begin: 0, end }
    }

    /// Whether both are of the same piece.
    pub fn is_beside(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.piece, &other.piece)
    }

    /// Its first bytes, at most `limit`, which it then has no more.
    fn split_to(&mut self, limit: u64) -> Self {
        let length = usize::try_from(limit).unwrap_or(usize::MAX).min(self.len());
        let first = Self { end: self.begin + length, ..self.clone() };
        self.begin += length;
        first
    }
}

impl Deref for Stretch {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.piece.bytes[self.begin..self.end]
    }
}

/// Pieces in their order.
pub struct Stream<P> {
    pieces: P,
    home: Buffers,
    /// What is left of the last one.
    left: Stretch,
    /// How many bytes were taken.
    at: u64,
}

impl<P: Iterator<Item = io::Result<Vec<u8>>>> Stream<P> {
    /// Of buffers that go back to `home`.
    pub fn new(pieces: P, home: Buffers) -> Self {
        Self { pieces, left: Stretch::of(Vec::new(), home.clone()), home, at: 0 }
    }

    /// The next bytes, at most `limit`, as far as they lie in one piece. None at the end.
    fn next(&mut self, limit: u64) -> io::Result<Option<Stretch>> {
        while self.left.is_empty() {
            let Some(piece) = self.pieces.next() else { return Ok(None) };
            self.left = Stretch::of(piece?, self.home.clone());
        }
        let next = self.left.split_to(limit);
        self.at += length(&next);
        Ok(Some(next))
    }

    /// The same, which must not be at the end.
    pub fn take(&mut self, limit: u64) -> io::Result<Stretch> {
        self.next(limit)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn skip_to(&mut self, at: u64) -> io::Result<()> {
        while self.at < at {
            self.take(at - self.at)?;
        }
        Ok(())
    }
}

/// A stream as the reader of a tar sees it, who skips what others took from the stream.
pub struct Tape<'a, P> {
    stream: &'a RefCell<Stream<P>>,
    /// Where the reader is.
    at: u64,
    /// What it may still read before it skips. It reads a header or a long name, and holds that as a whole.
    left: usize,
}

/// More than any name takes, and anything else that stands before a file.
const NAME: usize = 1 << 20;

impl<'a, P> Tape<'a, P> {
    /// Of a stream of which nothing was taken yet.
    pub fn of(stream: &'a RefCell<Stream<P>>) -> Self {
        Self { stream, at: 0, left: NAME }
    }
}

impl<P: Iterator<Item = io::Result<Vec<u8>>>> Read for Tape<'_, P> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut stream = self.stream.borrow_mut();
        stream.skip_to(self.at)?;
        let Some(next) = stream.next(length(bytes))? else { return Ok(0) };
        let endless = || io::Error::other("a name in it is longer than any");
        self.left = self.left.checked_sub(next.len()).ok_or_else(endless)?;
        bytes[..next.len()].copy_from_slice(&next);
        self.at = stream.at;
        Ok(next.len())
    }
}

impl<P> Seek for Tape<'_, P> {
    /// Forwards, when the next byte is read.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Current(distance) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        self.at = self.at.checked_add_signed(distance).ok_or(io::ErrorKind::InvalidInput)?;
        self.left = NAME;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_skips_what_others_took() {
        let pieces = ["abc", "", "defg", "h"].map(|piece| Ok(piece.as_bytes().to_vec()));
        let home = Buffers::default();
        let stream = RefCell::new(Stream::new(pieces.into_iter(), home.clone()));
        let mut tape = Tape::of(&stream);
        let mut two = [0; 2];
        assert_eq!(tape.read(&mut two).expect("bytes"), 2);
        assert_eq!(&two, b"ab");
        // Up to the end of a piece, and no further than asked for.
        let taken: Vec<Stretch> = [9, 3].map(|n| stream.borrow_mut().take(n).expect("bytes")).into();
        assert_eq!(taken.iter().map(|taken| &**taken).collect::<Vec<_>>(), [&b"c"[..], b"def"]);
        assert_eq!(tape.seek(SeekFrom::Current(5)).expect("forwards"), 7);
        assert_eq!(tape.read(&mut two).expect("a byte"), 1);
        assert_eq!(two[0], b'h');
        assert_eq!(tape.read(&mut two).expect("the end"), 0);
        tape.seek(SeekFrom::Current(1)).expect("forwards");
        assert_eq!(tape.read(&mut two).expect_err("behind the end").kind(), io::ErrorKind::UnexpectedEof);
        // Buffers are used again once nobody has a part of them.
        drop((taken, stream));
        assert_eq!((0..9).filter(|_| home.take().capacity() > 0).count(), 3);
    }
}
