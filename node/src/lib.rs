//! What every daemon shares. The only importer of etcd-client.
//!
//! - [`store`]: where a master keeps its registry.
//! - [`election`]: which master leads, for how long, and how others find it.
//! - [`credentials`], [`keys`], [`certificates`]: whom a daemon lets in, by secret or by
//!   certificate, and what one proves itself with.
//! - [`http`]: requests and answers of the v1 API.
//! - [`traced`]: what traces tell of messages.
//! - [`backoff`], [`causes`], [`duration`], [`loopback`], [`pack`], [`uuid`]: waits, errors, spans of
//!   time, addresses, records and UUIDs, alike everywhere.

pub mod backoff;
pub mod causes;
pub mod certificates;
pub mod credentials;
pub mod duration;
pub mod election;
pub mod http;
pub mod keys;
pub mod loopback;
pub mod pack;
pub mod store;
pub mod traced;
pub mod uuid;

/// The level of the v1 API that is spoken: what `/version` and `MasterInfo` say, which clients parse.
pub const API_VERSION: &str = "1.12.0";
