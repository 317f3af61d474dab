//! One frame between two nodes: a small binary header and, for messages, a MessagePack payload.
//!
//! ```text
//! u32 length of the rest, little endian | u8 tag | fields of the tag | payload to the end
//! ```
//! Names and strings are a length (`u8` and `u16`) and UTF-8; `header.rs` says how a message's
//! route and trace are written. Whatever cannot be read is an [`EnvelopeError`] and ends its
//! connection. A frame on a connection is at most [`MAX_PIECE`] bytes: a longer one travels in
//! [`Envelope::Chunk`]s, and is at most [`MAX_FRAME`] when it is whole again.

use super::header::{
    get_str, get_u64, get_u8, get_varint, put_str, put_trace, put_varint, Header, Route,
};

/// Largest frame, header and payload together, however it travels.
pub(crate) const MAX_FRAME: usize = 16 * 1024 * 1024;
/// Largest frame that travels in one piece: what a control frame may have to wait for.
pub(crate) const MAX_PIECE: usize = 64 * 1024;
/// Bytes of a length prefix.
pub(crate) const PREFIX: usize = 4;

/// Everything that one node says to another after the handshake.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Envelope<'a> {
    /// One-way message.
    Send { header: Header<'a>, payload: &'a [u8] },
    /// Request; `within_ms` is what is left of the asker's deadline.
    Ask { id: u64, within_ms: u64, header: Header<'a>, payload: &'a [u8] },
    /// Answer to `Ask`.
    Answer { id: u64, payload: &'a [u8] },
    /// `Ask` has no answer; the code is one of [`no_answer`].
    NoAnswer { id: u64, code: u8 },
    /// `watcher` wants to know when `target` ends.
    Link { watcher: &'a str, target: &'a str },
    /// `watcher` does not want to know any more, or ended itself.
    Unlink { watcher: &'a str, target: &'a str },
    /// `target` ended.
    Exited { watcher: &'a str, target: &'a str, code: u8, detail: &'a str },
    /// A frame of a type or variant that the sender of this does not know.
    Unsupported { wire: &'a str, variant: &'a str },
    /// Liveness of the connection.
    Ping { sequence: u64 },
    /// Answer to `Ping`.
    Pong { sequence: u64 },
    /// First frame of the dialling side: it knows the secret of its principal.
    Proof { mac: &'a [u8] },
    /// First frame of the other side: whether it takes the connection; one of [`verdict`].
    Verdict { code: u8, why: &'a str },
    /// A process handled messages that cost so many bytes: as many more may come.
    Grant { process: &'a str, bytes: u64 },
    /// A part of a longer frame, without that frame's length; parts of several may alternate.
    Chunk { stream: u64, last: bool, part: &'a [u8] },
}

/// Tags of the frames that are written where they wait.
pub(crate) mod tag {
    pub(crate) const SEND: u8 = 0;
    pub(crate) const ASK: u8 = 1;
    pub(crate) const CHUNK: u8 = 13;
}

/// Codes of [`Envelope::Verdict`].
pub(crate) mod verdict {
    pub(crate) const TAKEN: u8 = 0;
    /// The other side dials too, and its connection is the one that stays.
    pub(crate) const DUPLICATE: u8 = 1;
    pub(crate) const REFUSED: u8 = 2;
}

/// Codes of [`Envelope::NoAnswer`].
pub(crate) mod no_answer {
    pub(crate) const ABANDONED: u8 = 0;
    pub(crate) const UNSUPPORTED: u8 = 1;
    /// It was too late to begin.
    pub(crate) const EXPIRED: u8 = 2;
}

/// Why a frame ends its connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvelopeError {
    #[error("frame of {0} bytes is larger than {MAX_FRAME}")]
    TooLarge(usize),
    #[error("frame ends inside its {0}")]
    Truncated(&'static str),
    #[error("{0} of a frame is no number of 64 bits")]
    Overlong(&'static str),
    #[error("frame has the unknown tag {0}")]
    UnknownTag(u8),
    #[error("frame goes by route {0}, which was never named")]
    UnknownRoute(u64),
    #[error("{0} of a frame is not UTF-8")]
    NotUtf8(&'static str),
    #[error("frame has {0} bytes after its end")]
    Trailing(usize),
}

/// The fields of a message up to its trace.
pub(crate) fn put_head(out: &mut Vec<u8>, ask: Option<(u64, u64)>, route: &Route<'_>) {
    match ask {
        None => out.push(tag::SEND),
        Some((id, within_ms)) => {
            out.push(tag::ASK);
            put_varint(out, id);
            put_varint(out, within_ms);
        }
    }
    route.put(out);
}

/// The fields of a chunk up to its part.
pub(crate) fn put_chunk_head(out: &mut Vec<u8>, stream: u64, last: bool) {
    out.push(tag::CHUNK);
    put_varint(out, stream << 1 | u64::from(last));
}

/// Makes room for a length before a frame is written; [`end_frame`] puts it in.
pub(crate) fn begin_frame(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX]);
    start
}

/// The length of the frame that began at `start`, which is now in front of it.
pub(crate) fn end_frame(out: &mut [u8], start: usize) -> usize {
    let length = out.len() - start - PREFIX;
    // Frames are at most MAX_FRAME.
    out[start..start + PREFIX].copy_from_slice(&(length as u32).to_le_bytes());
    length
}

impl<'a> Envelope<'a> {
    /// The frame with its length prefix.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, EnvelopeError> {
        let mut out = Vec::with_capacity(64);
        let start = begin_frame(&mut out);
        self.put(&mut out);
        match end_frame(&mut out, start) {
            length if length > MAX_FRAME => Err(EnvelopeError::TooLarge(length)),
            _ => Ok(out),
        }
    }

    /// Writes the frame without its length.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Envelope::Send { header, payload } => {
                put_head(out, None, &header.route);
                put_trace(out, header.trace, &header.state);
                out.extend_from_slice(payload);
            }
            Envelope::Ask { id, within_ms, header, payload } => {
                put_head(out, Some((*id, *within_ms)), &header.route);
                put_trace(out, header.trace, &header.state);
                out.extend_from_slice(payload);
            }
            Envelope::Answer { id, payload } => {
                out.push(2);
                put_varint(out, *id);
                out.extend_from_slice(payload);
            }
            Envelope::NoAnswer { id, code } => {
                out.push(3);
                put_varint(out, *id);
                out.push(*code);
            }
            Envelope::Link { watcher, target } => put_pair(out, 4, watcher, target),
            Envelope::Exited { watcher, target, code, detail } => {
                put_pair(out, 5, watcher, target);
                out.push(*code);
                put_str(out, detail);
            }
            Envelope::Unsupported { wire, variant } => put_pair(out, 6, wire, variant),
            Envelope::Ping { sequence } => put_number(out, 7, *sequence),
            Envelope::Pong { sequence } => put_number(out, 8, *sequence),
            Envelope::Proof { mac } => {
                out.push(9);
                out.extend_from_slice(mac);
            }
            Envelope::Unlink { watcher, target } => put_pair(out, 10, watcher, target),
            Envelope::Verdict { code, why } => {
                out.extend_from_slice(&[11, *code]);
                put_str(out, why);
            }
            Envelope::Grant { process, bytes } => {
                out.push(12);
                put_str(out, process);
                put_varint(out, *bytes);
            }
            Envelope::Chunk { stream, last, part } => {
                put_chunk_head(out, *stream, *last);
                out.extend_from_slice(part);
            }
        }
    }

    /// Reads one frame without its length prefix; nothing is copied but a trace's state.
    pub(crate) fn decode(mut frame: &'a [u8]) -> Result<Self, EnvelopeError> {
        let rest = &mut frame;
        let envelope = match get_u8(rest, "tag")? {
            tag::SEND => {
                let header = Header::get(rest)?;
                Envelope::Send { header, payload: std::mem::take(rest) }
            }
            tag::ASK => {
                let (id, within_ms) = (get_varint(rest, "id")?, get_varint(rest, "deadline")?);
                let header = Header::get(rest)?;
                Envelope::Ask { id, within_ms, header, payload: std::mem::take(rest) }
            }
            2 => Envelope::Answer { id: get_varint(rest, "id")?, payload: std::mem::take(rest) },
            3 => Envelope::NoAnswer { id: get_varint(rest, "id")?, code: get_u8(rest, "code")? },
            4 => Envelope::Link {
                watcher: get_str(rest, "watcher")?,
                target: get_str(rest, "target")?,
            },
            5 => Envelope::Exited {
                watcher: get_str(rest, "watcher")?,
                target: get_str(rest, "target")?,
                code: get_u8(rest, "code")?,
                detail: get_str(rest, "detail")?,
            },
            6 => Envelope::Unsupported {
                wire: get_str(rest, "type")?,
                variant: get_str(rest, "variant")?,
            },
            7 => Envelope::Ping { sequence: get_u64(rest, "sequence")? },
            8 => Envelope::Pong { sequence: get_u64(rest, "sequence")? },
            9 => Envelope::Proof { mac: std::mem::take(rest) },
            10 => Envelope::Unlink {
                watcher: get_str(rest, "watcher")?,
                target: get_str(rest, "target")?,
            },
            11 => Envelope::Verdict { code: get_u8(rest, "code")?, why: get_str(rest, "reason")? },
            12 => Envelope::Grant {
                process: get_str(rest, "process")?,
                bytes: get_varint(rest, "grant")?,
            },
            tag::CHUNK => {
                let word = get_varint(rest, "stream")?;
                let (stream, last) = (word >> 1, word & 1 == 1);
                Envelope::Chunk { stream, last, part: std::mem::take(rest) }
            }
            tag => return Err(EnvelopeError::UnknownTag(tag)),
        };
        match frame.len() {
            0 => Ok(envelope),
            rest => Err(EnvelopeError::Trailing(rest)),
        }
    }
}

fn put_pair(out: &mut Vec<u8>, tag: u8, first: &str, second: &str) {
    out.push(tag);
    put_str(out, first);
    put_str(out, second);
}

fn put_number(out: &mut Vec<u8>, tag: u8, number: u64) {
    out.push(tag);
    out.extend_from_slice(&number.to_le_bytes());
}

#[cfg(test)]
mod tests;
