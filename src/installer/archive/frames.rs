//! An archive is a row of zstd frames, each packed by itself: so several threads unpack it.
//! Any zstd reads it as one stream.

use std::io::{self, BufRead, Write};

use zstd::{
    bulk::{Compressor, Decompressor},
    zstd_safe,
};

use super::{buffers::Buffers, in_order::Given};

/// The most that one frame unpacks to.
pub const FRAME: usize = 2 << 20;

/// More than one frame takes: zstd adds a 256th at most, and its headers.
const PACKED: usize = FRAME + FRAME / 64;

/// How much is looked at, to see where a frame ends.
const STEP: usize = 64 << 10;

/// zstd's own default: more takes twice the time for a few percent.
const LEVEL: i32 = 3;

/// Gives what is written as pieces to be packed.
pub struct Pieces {
    piece: Vec<u8>,
    to: Given<Vec<u8>>,
}

impl Pieces {
    /// To threads that [`packer`] makes.
    pub fn new(to: Given<Vec<u8>>) -> Self {
        Self { piece: Vec::with_capacity(FRAME), to }
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(FRAME));
        // Who takes no more has a reason to tell.
        if self.to.send(piece) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    /// Gives the last piece.
    pub fn finish(mut self) -> io::Result<()> {
        self.send()
    }
}

impl Write for Pieces {
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

/// Packs pieces as frames.
pub fn packer() -> io::Result<impl FnMut(Vec<u8>) -> io::Result<Vec<u8>> + Send> {
    let mut compressor = Compressor::new(LEVEL)?;
    Ok(move |piece: Vec<u8>| compressor.compress(&piece))
}

/// Unpacks frames into buffers of `unpacked`, and gives theirs back to `packed`.
pub fn unpacker(
    packed: Buffers,
    unpacked: Buffers,
) -> io::Result<impl FnMut(io::Result<Vec<u8>>) -> io::Result<Vec<u8>> + Send> {
    let mut decompressor = Decompressor::new()?;
    Ok(move |frame: io::Result<Vec<u8>>| {
        let frame = frame?;
        let mut piece = unpacked.take();
        piece.reserve_exact(FRAME);
        decompressor.decompress_to_buffer(&frame, &mut piece)?;
        packed.give(frame);
        Ok(piece)
    })
}

/// Takes frames out of a stream.
pub struct Frames<R> {
    from: R,
    buffers: Buffers,
}

impl<R: BufRead> Frames<R> {
    /// Of a stream of frames.
    pub fn of(from: R, buffers: Buffers) -> Self {
        Self { from, buffers }
    }

    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut frame = self.buffers.take();
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
                // What is too short and what is no frame looks the same to zstd.
                Err(_) if frame.len() > PACKED => {
                    return Err(io::Error::other("it is not packed as ours are"));
                }
                Err(_) => {
                    let taken = frame.len() - before;
                    self.from.consume(taken);
                }
            }
        }
    }
}

impl<R: BufRead> Iterator for Frames<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(of: &[&[u8]]) -> Vec<u8> {
        of.iter().flat_map(|piece| packer().expect("zstd")(piece.to_vec()).expect("packed")).collect()
    }

    fn unpacked(stream: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let buffers = Buffers::default();
        let mut unpack = unpacker(buffers.clone(), buffers.clone())?;
        Frames::of(io::BufReader::with_capacity(7, stream), buffers).map(&mut unpack).collect()
    }

    #[test]
    fn frames_are_found_whatever_chunks_they_come_in() {
        let pieces: [&[u8]; 3] = [b"one", &[b'x'; 300_000], b""];
        assert_eq!(unpacked(&frames(&pieces)).expect("frames"), pieces);
        assert_eq!(unpacked(b"").expect("frames"), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn what_is_no_frame_of_ours_is_refused() {
        let whole = frames(&[&[b'x'; 1000]]);
        for cut in 1..whole.len() {
            assert!(unpacked(&whole[..cut]).is_err(), "{cut}");
        }
        let endless = unpacked(&vec![0; PACKED + STEP]).expect_err("no frames");
        assert_eq!(endless.to_string(), "it is not packed as ours are");
        // It would take more memory than ours.
        unpacked(&frames(&[&vec![0; FRAME + 1]])).expect_err("too large");
        unpacked(&frames(&[&vec![0; FRAME]])).expect("just not too large");
    }
}
