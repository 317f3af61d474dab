//! The two encodings of v1 messages on HTTP, and the door through which both come in.

use crate::map_values::completed;
use crate::message::V1Message;
use crate::required::{check_required, Fault};

/// An encoding of v1 messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Mesos' JSON; see [`crate::json`].
    Json,
    /// Protobuf.
    Protobuf,
}

/// Why bytes are no message of the wanted type.
///
/// Paths are of field names, as in `accept.offer_ids[0].value`. No value that was sent is
/// repeated, except the keys of maps, cut short.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A required field is unset.
    #[error("{path}: required field is missing")]
    Missing {
        /// The field.
        path: String,
    },
    /// What is there cannot be used.
    #[error("{path}: {cause}")]
    Invalid {
        /// The innermost field that was being read.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The bytes as a whole cannot be used.
    #[error("{cause}")]
    Malformed {
        /// What is wrong with them.
        cause: String,
    },
}

impl Codec {
    /// The media type, exactly as it stands in `Content-Type`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        }
    }

    /// The codec of a media type, in any case and without parameters; `None` for any other.
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        [Self::Json, Self::Protobuf]
            .into_iter()
            .find(|codec| codec.media_type().eq_ignore_ascii_case(media_type))
    }

    /// Reads one message, which must be all of `bytes`.
    ///
    /// Takes time linear in the length and never panics. What is unknown is dropped: fields,
    /// and, but in protobuf only when the message is written by name again, enum values.
    ///
    /// # Errors
    /// The first thing that is wrong: no such encoding, a value of another type, a required
    /// field unset, more than 100 messages in one another, bytes after the end.
    pub fn decode<T: V1Message>(self, bytes: &[u8]) -> Result<T, DecodeError> {
        match self {
            Self::Json => T::from_json(bytes),
            Self::Protobuf => decode_protobuf(bytes),
        }
    }

    /// Writes one message; the JSON is one line, without the newline.
    ///
    /// Use this rather than prost's own encoding, which leaves out values of maps that other
    /// implementations insist on.
    ///
    /// Required fields are not checked: their absence from our own messages is unrepresentable.
    pub fn encode<T: V1Message>(self, message: &T) -> Vec<u8> {
        match self {
            Self::Json => message.to_json(),
            Self::Protobuf => completed(message.encode_to_vec(), T::table()),
        }
    }
}

/// How many bytes a message has as protobuf, without writing it: its size as limits count it.
pub fn encoded_len(message: &impl V1Message) -> usize {
    message.encoded_len()
}

fn decode_protobuf<T: V1Message>(bytes: &[u8]) -> Result<T, DecodeError> {
    check_required(bytes, T::table()).map_err(|refusal| {
        let path = refusal.path.to_string();
        let cause = match refusal.fault {
            Fault::Missing => return DecodeError::Missing { path },
            Fault::Malformed => "not protobuf".to_owned(),
            Fault::TooDeep => "too many messages in one another".to_owned(),
        };
        if path.is_empty() {
            DecodeError::Malformed { cause }
        } else {
            DecodeError::Invalid { path, cause }
        }
    })?;
    T::decode(bytes).map_err(|error| DecodeError::Malformed { cause: error.to_string() })
}
