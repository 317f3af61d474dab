//! One frame between two nodes: a small binary header and, for messages, a MessagePack payload.
//!
//! ```text
//! u32 length of the rest, little endian | u8 tag | fields of the tag | payload to the end
//! ```
//! Strings are a `u16` length and UTF-8; a trace is a flag byte and, if 1, 25 bytes. Whatever
//! cannot be read is an [`EnvelopeError`] and ends its connection.

use crate::trace::TraceContext;
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Largest frame that is read or written, header and payload together.
pub(crate) const MAX_FRAME: usize = 16 * 1024 * 1024;

/// Which queue of a connection a frame waits in: control goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Control,
    Bulk,
}

/// Where a message goes, what it is, and what it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) to: String,
    pub(crate) from: String,
    pub(crate) wire: String,
    pub(crate) variant: String,
    pub(crate) trace: Option<TraceContext>,
}

/// Everything that one node says to another after the handshake.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Envelope {
    /// One-way message.
    Send { header: Header, payload: Bytes },
    /// Request; `within_ms` is what is left of the asker's deadline.
    Ask { id: u64, within_ms: u64, header: Header, payload: Bytes },
    /// Answer to `Ask`.
    Answer { id: u64, payload: Bytes },
    /// `Ask` has no answer; the code is one of [`no_answer`].
    NoAnswer { id: u64, code: u8 },
    /// `watcher` wants to know when `target` ends.
    Link { watcher: String, target: String },
    /// `watcher` does not want to know any more, or ended itself.
    Unlink { watcher: String, target: String },
    /// `target` ended.
    Exited { watcher: String, target: String, code: u8, detail: String },
    /// A frame of a type or variant that the sender of this does not know.
    Unsupported { wire: String, variant: String },
    /// Liveness of the connection.
    Ping { sequence: u64 },
    /// Answer to `Ping`.
    Pong { sequence: u64 },
    /// First frame of the dialling side: it knows the secret of its principal.
    Proof { mac: Bytes },
    /// First frame of the other side: whether it takes the connection; one of [`verdict`].
    Verdict { code: u8, why: String },
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
}

/// Why a frame ends its connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvelopeError {
    #[error("frame of {0} bytes is larger than {MAX_FRAME}")]
    TooLarge(usize),
    #[error("frame ends inside its {0}")]
    Truncated(&'static str),
    #[error("frame has the unknown tag {0}")]
    UnknownTag(u8),
    #[error("{0} of a frame is not UTF-8")]
    NotUtf8(&'static str),
    #[error("frame has {0} bytes after its end")]
    Trailing(usize),
}

impl Envelope {
    pub(crate) fn lane(&self) -> Lane {
        match self {
            Envelope::Link { .. } | Envelope::Unlink { .. } => Lane::Control,
            Envelope::Ping { .. } | Envelope::Pong { .. } => Lane::Control,
            Envelope::Proof { .. } | Envelope::Verdict { .. } => Lane::Control,
            // An exit must not overtake what the process said before it ended.
            _ => Lane::Bulk,
        }
    }

    /// The frame with its length prefix.
    pub(crate) fn encode(&self) -> Result<Bytes, EnvelopeError> {
        let mut out = BytesMut::with_capacity(160 + self.payload_len());
        out.put_u32_le(0);
        match self {
            Envelope::Send { header, payload } => {
                out.put_u8(0);
                header.put(&mut out);
                out.put_slice(payload);
            }
            Envelope::Ask { id, within_ms, header, payload } => {
                out.put_u8(1);
                out.put_u64_le(*id);
                out.put_u64_le(*within_ms);
                header.put(&mut out);
                out.put_slice(payload);
            }
            Envelope::Answer { id, payload } => {
                out.put_u8(2);
                out.put_u64_le(*id);
                out.put_slice(payload);
            }
            Envelope::NoAnswer { id, code } => {
                out.put_u8(3);
                out.put_u64_le(*id);
                out.put_u8(*code);
            }
            Envelope::Link { watcher, target } => {
                out.put_u8(4);
                put_str(&mut out, watcher);
                put_str(&mut out, target);
            }
            Envelope::Exited { watcher, target, code, detail } => {
                out.put_u8(5);
                put_str(&mut out, watcher);
                put_str(&mut out, target);
                out.put_u8(*code);
                put_str(&mut out, detail);
            }
            Envelope::Unsupported { wire, variant } => {
                out.put_u8(6);
                put_str(&mut out, wire);
                put_str(&mut out, variant);
            }
            Envelope::Ping { sequence } => {
                out.put_u8(7);
                out.put_u64_le(*sequence);
            }
            Envelope::Pong { sequence } => {
                out.put_u8(8);
                out.put_u64_le(*sequence);
            }
            Envelope::Proof { mac } => {
                out.put_u8(9);
                out.put_slice(mac);
            }
            Envelope::Unlink { watcher, target } => {
                out.put_u8(10);
                put_str(&mut out, watcher);
                put_str(&mut out, target);
            }
            Envelope::Verdict { code, why } => {
                out.put_u8(11);
                out.put_u8(*code);
                put_str(&mut out, why);
            }
        }
        let length = out.len() - 4;
        if length > MAX_FRAME {
            return Err(EnvelopeError::TooLarge(length));
        }
        out[..4].copy_from_slice(&(length as u32).to_le_bytes());
        Ok(out.freeze())
    }

    /// Reads what follows the length prefix.
    pub(crate) fn decode(mut frame: Bytes) -> Result<Self, EnvelopeError> {
        let tag = get_u8(&mut frame, "tag")?;
        let envelope = match tag {
            0 => {
                let header = Header::get(&mut frame)?;
                return Ok(Envelope::Send { header, payload: frame });
            }
            1 => {
                let id = get_u64(&mut frame, "request id")?;
                let within_ms = get_u64(&mut frame, "deadline")?;
                let header = Header::get(&mut frame)?;
                return Ok(Envelope::Ask { id, within_ms, header, payload: frame });
            }
            2 => {
                let id = get_u64(&mut frame, "request id")?;
                return Ok(Envelope::Answer { id, payload: frame });
            }
            3 => Envelope::NoAnswer {
                id: get_u64(&mut frame, "request id")?,
                code: get_u8(&mut frame, "code")?,
            },
            4 => Envelope::Link {
                watcher: get_str(&mut frame, "watcher")?,
                target: get_str(&mut frame, "target")?,
            },
            5 => Envelope::Exited {
                watcher: get_str(&mut frame, "watcher")?,
                target: get_str(&mut frame, "target")?,
                code: get_u8(&mut frame, "code")?,
                detail: get_str(&mut frame, "detail")?,
            },
            6 => Envelope::Unsupported {
                wire: get_str(&mut frame, "type")?,
                variant: get_str(&mut frame, "variant")?,
            },
            7 => Envelope::Ping { sequence: get_u64(&mut frame, "sequence")? },
            8 => Envelope::Pong { sequence: get_u64(&mut frame, "sequence")? },
            9 => return Ok(Envelope::Proof { mac: frame }),
            10 => Envelope::Unlink {
                watcher: get_str(&mut frame, "watcher")?,
                target: get_str(&mut frame, "target")?,
            },
            11 => Envelope::Verdict {
                code: get_u8(&mut frame, "code")?,
                why: get_str(&mut frame, "reason")?,
            },
            tag => return Err(EnvelopeError::UnknownTag(tag)),
        };
        match frame.len() {
            0 => Ok(envelope),
            rest => Err(EnvelopeError::Trailing(rest)),
        }
    }

    fn payload_len(&self) -> usize {
        match self {
            Envelope::Send { payload, .. }
            | Envelope::Ask { payload, .. }
            | Envelope::Answer { payload, .. } => payload.len(),
            _ => 0,
        }
    }
}

impl Header {
    fn put(&self, out: &mut BytesMut) {
        put_str(out, &self.to);
        put_str(out, &self.from);
        put_str(out, &self.wire);
        put_str(out, &self.variant);
        match self.trace {
            None => out.put_u8(0),
            Some(trace) => {
                out.put_u8(1);
                out.put_u128(trace.trace_id);
                out.put_u64(trace.span_id);
                out.put_u8(trace.flags);
            }
        }
    }

    fn get(frame: &mut Bytes) -> Result<Self, EnvelopeError> {
        Ok(Header {
            to: get_str(frame, "receiver")?,
            from: get_str(frame, "sender")?,
            wire: get_str(frame, "type")?,
            variant: get_str(frame, "variant")?,
            trace: match get_u8(frame, "trace flag")? {
                0 => None,
                _ if frame.len() < 25 => return Err(EnvelopeError::Truncated("trace")),
                _ => Some(TraceContext {
                    trace_id: frame.get_u128(),
                    span_id: frame.get_u64(),
                    flags: frame.get_u8(),
                }),
            },
        })
    }
}

/// Names are short by construction; details are cut here so that a length never overflows.
fn put_str(out: &mut BytesMut, text: &str) {
    let mut end = text.len().min(usize::from(u16::MAX));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    out.put_u16_le(end as u16);
    out.put_slice(&text.as_bytes()[..end]);
}

fn get_u8(frame: &mut Bytes, what: &'static str) -> Result<u8, EnvelopeError> {
    frame.try_get_u8().map_err(|_| EnvelopeError::Truncated(what))
}

fn get_u64(frame: &mut Bytes, what: &'static str) -> Result<u64, EnvelopeError> {
    frame.try_get_u64_le().map_err(|_| EnvelopeError::Truncated(what))
}

fn get_str(frame: &mut Bytes, what: &'static str) -> Result<String, EnvelopeError> {
    let length = frame.try_get_u16_le().map_err(|_| EnvelopeError::Truncated(what))?;
    if frame.len() < usize::from(length) {
        return Err(EnvelopeError::Truncated(what));
    }
    let text = frame.split_to(usize::from(length));
    std::str::from_utf8(&text).map(str::to_owned).map_err(|_| EnvelopeError::NotUtf8(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Envelope> {
        let header = Header {
            to: "master".into(),
            from: "agent".into(),
            wire: "master.FromAgent".into(),
            variant: "Pong".into(),
            trace: Some(TraceContext { trace_id: 7, span_id: 9, flags: 1 }),
        };
        let payload = Bytes::from_static(b"abc");
        vec![
            Envelope::Send { header: header.clone(), payload: payload.clone() },
            Envelope::Ask {
                id: 3,
                within_ms: 5,
                header: Header { trace: None, ..header },
                payload: payload.clone(),
            },
            Envelope::Answer { id: 3, payload: payload.clone() },
            Envelope::NoAnswer { id: 3, code: no_answer::UNSUPPORTED },
            Envelope::Link { watcher: "a".into(), target: "b".into() },
            Envelope::Exited {
                watcher: "a".into(),
                target: "b".into(),
                code: 2,
                detail: "x".into(),
            },
            Envelope::Unsupported { wire: "w".into(), variant: "v".into() },
            Envelope::Ping { sequence: 1 },
            Envelope::Pong { sequence: 2 },
            Envelope::Proof { mac: payload },
            Envelope::Unlink { watcher: "a".into(), target: "b".into() },
            Envelope::Verdict { code: verdict::DUPLICATE, why: "x".into() },
        ]
    }

    #[test]
    fn every_frame_round_trips() {
        for envelope in samples() {
            let frame = envelope.encode().unwrap();
            let length = u32::from_le_bytes(frame[..4].try_into().unwrap()) as usize;
            assert_eq!(length, frame.len() - 4);
            assert_eq!(Envelope::decode(frame.slice(4..)).unwrap(), envelope);
        }
    }

    /// Broken envelopes are errors at every cut and for every flipped byte, never panics.
    #[test]
    fn broken_frames_are_errors() {
        for envelope in samples() {
            let frame = envelope.encode().unwrap().slice(4..);
            for cut in 0..frame.len() {
                let _ = Envelope::decode(frame.slice(..cut));
            }
            for at in 0..frame.len() {
                let mut bytes = frame.to_vec();
                bytes[at] ^= 0xff;
                let _ = Envelope::decode(bytes.into());
            }
        }
        assert_eq!(Envelope::decode(Bytes::new()), Err(EnvelopeError::Truncated("tag")));
        assert_eq!(Envelope::decode(Bytes::from_static(&[77])), Err(EnvelopeError::UnknownTag(77)));
    }

    #[test]
    fn golden_bytes_of_a_send() {
        let frame = samples()[0].encode().unwrap();
        let mut expected = vec![0u8; 4];
        expected.push(0);
        for text in ["master", "agent", "master.FromAgent", "Pong"] {
            expected.extend((text.len() as u16).to_le_bytes());
            expected.extend(text.as_bytes());
        }
        expected.push(1);
        expected.extend(7u128.to_be_bytes());
        expected.extend(9u64.to_be_bytes());
        expected.push(1);
        expected.extend(b"abc");
        let length = (expected.len() - 4) as u32;
        expected[..4].copy_from_slice(&length.to_le_bytes());
        assert_eq!(frame, expected);
    }
}
