//! What must hold for any input, one file per door into `meseta-api`.
//!
//! Compiled twice: by the fuzz targets, and by `api/tests/corpus.rs`, which replays the corpus. A
//! check takes bytes and returns; it panics where a promise of the crate is broken.

pub(crate) mod messagepack;
pub(crate) mod recordio;
pub(crate) mod resources;
pub(crate) mod v1;
