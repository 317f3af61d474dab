//! What travels between nodes: named types and their frames.
//!
//! A message's type is named by serde, outside of its payload: the enum's name (`#[serde(rename =
//! "master.FromAgent")]`) and the variant's. So a receiver decides by role and by name before it
//! decodes anything, and a version that lacks a variant can say so and go on. `envelope.rs` has
//! every frame, `header.rs` what stands in front of a message, `chunks.rs` long frames in parts,
//! `credit.rs` what messages cost.

mod chunks;
mod credit;
mod envelope;
mod header;
mod names;

pub(crate) use chunks::{Assembly, ChunkError, MAX_OPEN, MAX_OPEN_BYTES, PART};
pub(crate) use credit::{cost, PORTION, WINDOW};
pub(crate) use envelope::{
    begin_frame, end_frame, no_answer, put_chunk_head, put_head, verdict, Envelope, EnvelopeError,
    MAX_FRAME, MAX_PIECE, PREFIX,
};
pub(crate) use header::{put_trace, Header, Names, Route, MAX_ROUTES};
pub use names::variant_of;
pub(crate) use names::{wire_type, WireType};

use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

/// A type that may travel: in practice, a closed enum with a serde name that never changes.
pub trait Wire: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Wire for T {}

/// Deepest nesting of a payload that is decoded.
const MAX_DEPTH: usize = 120;

/// Named-field MessagePack: fields may be added later without breaking older readers.
pub(crate) fn encode<W: Serialize>(message: &W) -> Result<Bytes, rmp_serde::encode::Error> {
    rmp_serde::to_vec_named(message).map(Bytes::from)
}

/// As [`encode`], behind what `out` holds; after an error it holds a part.
pub(crate) fn encode_into<W: Serialize>(
    message: &W,
    out: &mut Vec<u8>,
) -> Result<(), rmp_serde::encode::Error> {
    rmp_serde::encode::write_named(out, message)
}

/// The inverse of [`encode`], without a copy of what is read; bytes after the message and deep
/// nesting are errors, never panics.
pub(crate) fn decode<W: DeserializeOwned>(payload: &[u8]) -> Result<W, PayloadError> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(payload);
    deserializer.set_max_depth(MAX_DEPTH);
    let message = W::deserialize(&mut deserializer)?;
    // The deserializer does not say where it stands: another value is not there to be read.
    match IgnoredAny::deserialize(&mut deserializer) {
        Err(rmp_serde::decode::Error::InvalidMarkerRead(_)) => Ok(message),
        _ => Err(PayloadError::Trailing),
    }
}

/// Why a payload cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PayloadError {
    #[error("payload is no such message")]
    Decode(#[from] rmp_serde::decode::Error),
    #[error("payload has bytes after the message")]
    Trailing,
}
