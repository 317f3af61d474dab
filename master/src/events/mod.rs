//! The operators' event stream (A9): SUBSCRIBE of the v1 operator API.
//!
//! - **State**: the process [`hub::Hub`] numbers events and remembers the latest; a process
//!   [`subscriber::Subscriber`] per stream feeds it.
//! - **Fed by** the master: facts as its core tells them, and who subscribes, with the state of
//!   that moment. A mailbox keeps the order of one sender, so that what a subscriber is told after
//!   its state is what happened after it.
//! - **Emits** RecordIO, one record and one chunk per event, written once for all of a codec.
//! - **Read next**: `record.rs` for what an event looks like, `wanted.rs` for what a client may ask
//!   for: where to go on, and which events.

pub(crate) mod hub;
pub mod record;
pub(crate) mod subscriber;
pub mod wanted;
