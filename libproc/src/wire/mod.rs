//! What travels between nodes: named types and their frames.
//!
//! A message's type is named by serde, outside of its payload: the enum's name (`#[serde(rename =
//! "master.FromAgent")]`) and the variant's. So a receiver decides by role and by name before it
//! decodes anything, and a version that lacks a variant can say so and go on.

mod envelope;
mod names;

pub(crate) use envelope::{no_answer, verdict, Envelope, EnvelopeError, Header, Lane, MAX_FRAME};
pub use names::variant_of;
pub(crate) use names::{wire_type, WireType};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::Serialize;

/// A type that may travel: in practice, a closed enum with a serde name that never changes.
pub trait Wire: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Wire for T {}

/// Deepest nesting of a payload that is decoded.
const MAX_DEPTH: usize = 120;

/// Named-field MessagePack: fields may be added later without breaking older readers.
pub(crate) fn encode<W: Serialize>(message: &W) -> Result<Bytes, rmp_serde::encode::Error> {
    rmp_serde::to_vec_named(message).map(Bytes::from)
}

/// The inverse of [`encode`]; trailing bytes and deep nesting are errors, never panics.
pub(crate) fn decode<W: DeserializeOwned>(payload: &[u8]) -> Result<W, PayloadError> {
    let mut deserializer = rmp_serde::Deserializer::new(payload);
    deserializer.set_max_depth(MAX_DEPTH);
    let message = W::deserialize(&mut deserializer)?;
    let rest = deserializer.get_ref().len();
    match rest {
        0 => Ok(message),
        rest => Err(PayloadError::Trailing(rest)),
    }
}

/// Why a payload cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PayloadError {
    #[error("payload is no such message")]
    Decode(#[from] rmp_serde::decode::Error),
    #[error("payload has {0} bytes after the message")]
    Trailing(usize),
}
