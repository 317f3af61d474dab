//! What Meseta says on the wire: the v1 API and its encodings, ids, resources, record framing,
//! and what Meseta's own components say to each other.
//!
//! The crate is pure: values in, values out; no I/O, no clock, no runtime. Nothing here decides
//! anything about a cluster. Bytes that come from outside enter through [`codec`] and
//! [`recordio`] and end there, or as a message of [`v1`] with every required field set.
//!
//! Read next: [`v1`] for the types, [`json`] for how their JSON behaves.

pub mod attributes;
pub mod codec;
pub mod ids;
pub mod internal;
pub mod json;
pub mod message;
pub mod recordio;
pub mod resources;
pub mod term;
pub mod v1;

mod map_values;
mod path;
mod required;
mod wire;
