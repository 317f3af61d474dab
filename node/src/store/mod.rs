//! Where a master keeps what must outlive it: one trait, three implementations.
//!
//! State: objects under keys ([`Key`] → opaque bytes), the mark of the last transaction, and the
//! identity of the registry. Only the registrar writes ([`Store::commit`]); a new leader reads
//! ([`Store::load`]). Nothing is emitted; outcomes are values, and an unknown one is said to be
//! unknown ([`CommitError::MaybeDone`]).
//!
//! Read next: [`txn`] for the data, [`error`] for outcomes, then [`embedded`] (one machine, the
//! default), [`etcd`] (several masters) and [`memory`] (tests and simulation).

pub mod address;
mod choice;
pub mod embedded;
pub mod error;
pub mod etcd;
mod key;
pub mod memory;
pub(crate) mod real;
pub mod txn;

pub use choice::{InvalidStoreChoice, StoreChoice};
pub use embedded::EmbeddedStore;
pub use error::{CommitError, Fenced, LoadError, NotDone};
pub use etcd::EtcdStore;
pub use key::{InvalidKey, Key, MAX_KEY_BYTES};
pub use memory::MemoryStore;
pub use txn::{CommitMark, Identity, Limits, Snapshot, Txn};

use futures_util::future::BoxFuture;

/// A registry's durable home. Handles are cheap to clone and share; futures own what they need,
/// so that a process can hand them to its context.
///
/// Transactions take effect one at a time, in the order in which their futures are first polled.
/// A future that was polled and then dropped leaves its outcome unknown.
pub trait Store: Send + Sync {
    /// Reads everything, as of one moment not before the call.
    ///
    /// A store whose last commit ended [`CommitError::MaybeDone`] takes transactions again
    /// afterwards.
    fn load(&self) -> BoxFuture<'static, Result<Snapshot, LoadError>>;

    /// Makes `txn` durable, atomically. On `Ok` no later crash loses it.
    fn commit(&self, txn: Txn) -> BoxFuture<'static, Result<(), CommitError>>;

    /// The largest transaction taken.
    fn limits(&self) -> Limits;
}
