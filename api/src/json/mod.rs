//! The named form of v1 messages: fields by name, as in Mesos' JSON.
//!
//! serde carries it, so that the same code reads and writes JSON and MessagePack with named
//! fields (`rmp_serde::to_vec_named`). The build script gives each message two functions,
//! [`V1Message::read_field`] and [`V1Message::write_fields`], that only say which `kind` a
//! field is of and whether it is required, optional, repeated or a map; each of those shapes is
//! handled once, in `read` and `write`.
//!
//! What Mesos' clients rely on when they send:
//! - unknown fields are ignored, `null` is unset, a field twice is refused;
//! - numbers and booleans may be strings, integers may be floats without a fraction, doubles may
//!   be `"Infinity"` and `"-Infinity"`;
//! - enums are names; an unknown name is dropped, or refused where the field is required;
//! - bytes are standard base64 in strings (raw in MessagePack);
//! - a lone value will do for a repeated field, but no array for a singular one;
//! - a required field must be there.
//!
//! What they are sent:
//! - fields in the order of their declaration, enums as names, 64-bit integers as numbers,
//!   no nulls, nothing for what is unset or empty;
//! - except that an unset field with an explicit default is printed with it, unless the field is
//!   deprecated. MessagePack keeps it unset, so that what is read equals what was written.
//!
//! An infinite or undefined double, which JSON cannot say, is a string there.
//!
//! Formats must be self-describing. [`crate::codec`] is the entry for JSON bodies.
//!
//! [`V1Message::read_field`]: crate::message::V1Message::read_field
//! [`V1Message::write_fields`]: crate::message::V1Message::write_fields

pub(crate) mod context;
pub(crate) mod kind;
mod number;
pub(crate) mod read;
pub(crate) mod write;

pub use read::Input;
pub use write::FieldSink;

use crate::codec::DecodeError;
use crate::message::V1Message;

/// Reads JSON that must be one message and nothing else.
pub(crate) fn from_slice<M: V1Message>(bytes: &[u8]) -> Result<M, DecodeError> {
    let context = context::Context::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let result = read::message_in(&mut deserializer, &context)
        .and_then(|message| deserializer.end().map(|()| message));
    result.map_err(|error: serde_json::Error| {
        let (path, is_missing) = context.into_failure();
        let (path, is_whole, cause) = (path.to_string(), path.is_empty(), error.to_string());
        if is_missing {
            DecodeError::Missing { path }
        } else if is_whole {
            DecodeError::Malformed { cause }
        } else {
            DecodeError::Invalid { path, cause }
        }
    })
}

/// Writes one line of JSON, without the newline.
pub(crate) fn to_vec<M: V1Message>(message: &M) -> Vec<u8> {
    // Only the output or a `Serialize` could fail, and memory does not, nor do ours.
    serde_json::to_vec(message).expect("a v1 message has a JSON form")
}
