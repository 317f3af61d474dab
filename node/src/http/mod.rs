//! What every daemon shares of the v1 HTTP API: how a request becomes a typed call or a refusal,
//! and how an answer becomes a response.
//!
//! - **State**: none. Everything but [`RecordStream`] is a function of its arguments.
//! - **Fed by** the handlers of master and agent, with the requests that libproc hands them.
//! - **Emits** messages of `meseta_api::v1`, or a [`Refusal`] with the status and words that v1
//!   clients know.
//! - **Read next**: [`auth`] for who may ask at all, [`call`] for requests, [`stream`] for event streams, [`document`] for the
//!   endpoints that are older than v1.

pub mod accept;
pub mod auth;
pub mod call;
pub mod document;
pub mod leader;
pub mod model;
pub mod query;
pub mod refusal;
pub mod stream;
pub mod stream_id;

pub use accept::response_codec;
pub use call::{accepted, body_codec, decode_call, post_only, v1_response};
pub use document::{json_document, read_only};
pub use leader::{redirect, NO_LEADER};
pub use query::{Order, Page, Query};
pub use refusal::{retry_seconds, Refusal};
pub use stream::{RecordStream, STREAM_BYTES};
pub use stream_id::{new_stream_id, stream_id, STREAM_ID};

#[cfg(test)]
mod testing;
