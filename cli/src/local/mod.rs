//! What `meseta local` prepares before it starts anything.
//!
//! Owns the work dir: its lock, the secrets, one folder per daemon. Everything here is there
//! again after a crash: the same work dir is the same cluster.

pub mod keys;
pub mod layout;
pub mod share;
