//! An archive is a sequence of zstd frames that are compressed independently, so several threads can
//! unpack it. Any zstd implementation reads it as one stream.

use std::io::{self, BufRead, Write};

use zstd::{
    bulk::{Compressor, Decompressor},
    zstd_safe,
};

use super::{buffer_pool::BufferPool, ordered_pool::PoolInput};

/// Largest size that one frame unpacks to, in bytes.
pub(super) const FRAME: usize = 2 << 20;

/// Upper bound of the size of a compressed frame: zstd adds at most a 256th, and its headers.
const PACKED: usize = FRAME + FRAME / 64;

/// Number of bytes that are read at a time in order to find the end of a frame.
const STEP: usize = 64 << 10;

/// Default level of zstd. A higher level takes twice the time and saves a few percent.
const LEVEL: i32 = 3;

/// Splits what is written into pieces, and sends them to be compressed.
pub(super) struct FrameWriter {
    piece: Vec<u8>,
    input: PoolInput<Vec<u8>>,
}

impl FrameWriter {
    /// Creates a writer that sends pieces to workers of [`frame_compressor`].
    pub(super) fn new(input: PoolInput<Vec<u8>>) -> Self {
        Self { piece: Vec::with_capacity(FRAME), input }
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(FRAME));
        // A receiver that was dropped reports an error of its own, which is the cause.
        if self.input.send(piece) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    /// Sends the last piece.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.send()
    }
}

impl Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = bytes.len().min(FRAME - self.piece.len());
        self.piece.extend_from_slice(&bytes[..fits]);
        if self.piece.len() == FRAME {
            self.send()?;
        }
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Creates a worker that compresses pieces into frames.
pub(super) fn frame_compressor() -> io::Result<impl FnMut(Vec<u8>) -> io::Result<Vec<u8>> + Send> {
    let mut compressor = Compressor::new(LEVEL)?;
    Ok(move |piece: Vec<u8>| compressor.compress(&piece))
}

/// Creates a worker that decompresses frames into buffers of `unpacked`, and releases the buffers of the
/// frames to `packed`.
pub(super) fn frame_decompressor(
    packed: BufferPool,
    unpacked: BufferPool,
) -> io::Result<impl FnMut(io::Result<Vec<u8>>) -> io::Result<Vec<u8>> + Send> {
    let mut decompressor = Decompressor::new()?;
    Ok(move |frame: io::Result<Vec<u8>>| {
        let frame = frame?;
        let mut piece = unpacked.acquire();
        piece.reserve_exact(FRAME);
        decompressor.decompress_to_buffer(&frame, &mut piece)?;
        packed.release(frame);
        Ok(piece)
    })
}

/// Splits a stream into frames.
pub(super) struct FrameReader<R> {
    from: R,
    pool: BufferPool,
}

impl<R: BufRead> FrameReader<R> {
    /// Creates a reader of a stream of frames that uses buffers of a pool.
    pub(super) fn new(from: R, pool: BufferPool) -> Self {
        Self { from, pool }
    }

    fn read_frame(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut frame = self.pool.acquire();
        loop {
            let new = self.from.fill_buf()?;
            if new.is_empty() && frame.is_empty() {
                return Ok(None);
            }
            if new.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let before = frame.len();
            frame.extend_from_slice(&new[..new.len().min(STEP)]);
            match zstd_safe::find_frame_compressed_size(&frame) {
                Ok(size) => {
                    frame.truncate(size);
                    self.from.consume(size.saturating_sub(before));
                    return Ok(Some(frame));
                }
                // zstd reports the same error for a frame that is incomplete and for bytes that are not a
                // frame.
                Err(_) if frame.len() > PACKED => {
                    return Err(io::Error::other("not an archive of this operator"));
                }
                Err(_) => {
                    let taken = frame.len() - before;
                    self.from.consume(taken);
                }
            }
        }
    }
}

impl<R: BufRead> Iterator for FrameReader<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_frame().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compressed(pieces: &[&[u8]]) -> Vec<u8> {
        pieces
            .iter()
            .flat_map(|piece| frame_compressor().expect("zstd")(piece.to_vec()).expect("packed"))
            .collect()
    }

    fn unpacked(stream: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let buffers = BufferPool::default();
        let mut unpack = frame_decompressor(buffers.clone(), buffers.clone())?;
        FrameReader::new(io::BufReader::with_capacity(7, stream), buffers).map(&mut unpack).collect()
    }

    #[test]
    fn frames_are_found_whatever_chunks_they_come_in() {
        let pieces: [&[u8]; 3] = [b"one", &[b'x'; 300_000], b""];
        assert_eq!(unpacked(&compressed(&pieces)).expect("frames"), pieces);
        assert_eq!(unpacked(b"").expect("frames"), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn bytes_that_are_not_a_frame_are_refused() {
        let whole = compressed(&[&[b'x'; 1000]]);
        for cut in 1..whole.len() {
            assert!(unpacked(&whole[..cut]).is_err(), "{cut}");
        }
        let endless = unpacked(&vec![0; PACKED + STEP]).expect_err("not a frame");
        assert_eq!(endless.to_string(), "not an archive of this operator");
        // A larger frame would take more memory than frames of this operator.
        unpacked(&compressed(&[&vec![0; FRAME + 1]])).expect_err("too large");
        unpacked(&compressed(&[&vec![0; FRAME]])).expect("just not too large");
    }
}
