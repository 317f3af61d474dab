//! Long frames in parts: put together again, in bounded room.
//!
//! Each side keeps to the same bounds, so that whoever breaks them is no such peer: at most
//! [`MAX_OPEN`] frames are under way at once, none becomes longer than [`MAX_FRAME`], and together
//! they are at most [`MAX_OPEN_BYTES`]. Room is made by what arrives, never by what is promised.

use super::{MAX_FRAME, MAX_PIECE};
use std::collections::BTreeMap;

/// Frames of one connection that may be under way in parts at once.
pub(crate) const MAX_OPEN: usize = 16;
/// Bytes of all of them together.
pub(crate) const MAX_OPEN_BYTES: usize = 2 * MAX_FRAME;
/// Bytes of one part, so that it fits a piece with its fields.
pub(crate) const PART: usize = MAX_PIECE - 16;

/// Why a chunk ends its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChunkError {
    #[error("more than {MAX_OPEN} frames are under way in parts")]
    TooMany,
    #[error("a frame in parts is longer than {MAX_FRAME} bytes")]
    TooLong,
    #[error("frames under way in parts are longer than {MAX_OPEN_BYTES} bytes")]
    TooMuch,
    #[error("a part is empty")]
    Empty,
    #[error("parts of a part")]
    Nested,
}

/// What of long frames has arrived on one connection.
#[derive(Default)]
pub(crate) struct Assembly {
    open: BTreeMap<u64, Vec<u8>>,
    bytes: usize,
}

impl Assembly {
    /// Takes a part in; gives the whole frame with its last one.
    pub(crate) fn add(
        &mut self,
        stream: u64,
        last: bool,
        part: &[u8],
    ) -> Result<Option<Vec<u8>>, ChunkError> {
        if part.is_empty() {
            return Err(ChunkError::Empty);
        }
        if !self.open.contains_key(&stream) && self.open.len() == MAX_OPEN {
            return Err(ChunkError::TooMany);
        }
        if self.bytes + part.len() > MAX_OPEN_BYTES {
            return Err(ChunkError::TooMuch);
        }
        let frame = self.open.entry(stream).or_default();
        if frame.len() + part.len() > MAX_FRAME {
            return Err(ChunkError::TooLong);
        }
        frame.extend_from_slice(part);
        self.bytes += part.len();
        if !last {
            return Ok(None);
        }
        let whole = self.open.remove(&stream);
        self.bytes -= whole.as_ref().map_or(0, Vec::len);
        Ok(whole)
    }

    /// Bytes that arrived of frames that are not whole.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_several_frames_alternate() {
        let mut assembly = Assembly::default();
        assert_eq!(assembly.add(1, false, b"a"), Ok(None));
        assert_eq!(assembly.add(2, false, b"x"), Ok(None));
        assert_eq!(assembly.add(1, true, b"b"), Ok(Some(b"ab".to_vec())));
        assert_eq!(assembly.bytes(), 1);
        assert_eq!(assembly.add(2, true, b"y"), Ok(Some(b"xy".to_vec())));
        // A number that is free is a new frame.
        assert_eq!(assembly.add(1, true, b"c"), Ok(Some(b"c".to_vec())));
        assert_eq!(assembly.bytes(), 0);
    }

    #[test]
    fn a_frame_that_never_ends_or_too_many_of_them_are_refused() {
        let part = vec![0; PART];
        let mut endless = Assembly::default();
        let refused = (0..).find_map(|_| endless.add(1, false, &part).err());
        assert_eq!(refused, Some(ChunkError::TooLong));
        assert!(endless.bytes() <= MAX_FRAME);
        let mut many = Assembly::default();
        let refused = (0..).find_map(|stream| many.add(stream, false, b"x").err());
        assert_eq!((refused, many.bytes()), (Some(ChunkError::TooMany), MAX_OPEN));
        let mut much = Assembly::default();
        let refused = (0..).find_map(|at| much.add(at % 3, false, &part).err());
        assert_eq!(refused, Some(ChunkError::TooMuch));
        assert!(much.bytes() <= MAX_OPEN_BYTES);
        assert_eq!(Assembly::default().add(1, false, b""), Err(ChunkError::Empty));
    }
}
