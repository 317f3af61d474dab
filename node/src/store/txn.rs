//! What goes into a store and comes out: [`Txn`], [`CommitMark`], [`Snapshot`], [`Identity`].

use super::error::NotDone;
use super::key::Key;
use bytes::Bytes;
use meseta_api::term::{RegistryId, Term};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Which transaction was the last one: written together with each, so that after an unknown
/// outcome reading it tells whether the transaction was done. Ordered; the default, all zero,
/// means that nothing was ever committed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct CommitMark {
    /// [`Term::generation`] of the writer.
    pub generation: u64,
    /// [`Term::counter`] of the writer.
    pub counter: u64,
    /// The writer's own count of its transactions, from 1.
    pub sequence: u64,
}

impl CommitMark {
    /// The mark of the `sequence`-th transaction of the leader in `term`.
    pub fn new(term: &Term, sequence: u64) -> Self {
        CommitMark { generation: term.generation, counter: term.counter, sequence }
    }
}

impl fmt::Display for CommitMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}#{}", self.generation, self.counter, self.sequence)
    }
}

/// Changes that become durable together or not at all. One key may not be both put and deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Txn {
    /// Objects to write, whole.
    pub puts: BTreeMap<Key, Bytes>,
    /// Objects to remove; one that does not exist is no error.
    pub deletes: BTreeSet<Key>,
    /// This transaction's mark, strictly greater than that of the last one.
    pub mark: CommitMark,
}

impl Txn {
    /// A transaction without changes.
    pub fn new(mark: CommitMark) -> Self {
        Txn { puts: BTreeMap::new(), deletes: BTreeSet::new(), mark }
    }

    /// The same with `value` under `key`.
    #[must_use]
    pub fn put(mut self, key: Key, value: impl Into<Bytes>) -> Self {
        self.puts.insert(key, value.into());
        self
    }

    /// The same without the object under `key`.
    #[must_use]
    pub fn delete(mut self, key: Key) -> Self {
        self.deletes.insert(key);
        self
    }

    /// How many objects change.
    pub fn ops(&self) -> usize {
        self.puts.len() + self.deletes.len()
    }

    /// Bytes of all keys and values, with [`OP_OVERHEAD_BYTES`] for each operation. What
    /// [`Limits::max_bytes`] is compared with.
    pub fn bytes(&self) -> usize {
        let puts: usize = self.puts.iter().map(|(k, v)| k.as_str().len() + v.len()).sum();
        let deletes: usize = self.deletes.iter().map(|k| k.as_str().len()).sum();
        puts + deletes + self.ops() * OP_OVERHEAD_BYTES
    }

    pub(crate) fn apply_to(&self, entries: &mut BTreeMap<Key, Bytes>) {
        for key in &self.deletes {
            entries.remove(key);
        }
        for (key, value) in &self.puts {
            entries.insert(key.clone(), value.clone());
        }
    }

    /// What every store refuses alike, before anything is written.
    pub(crate) fn check(&self, last: CommitMark, limits: Limits) -> Result<(), NotDone> {
        if self.mark <= last {
            return Err(NotDone::StaleMark { last });
        }
        if let Some(key) = self.puts.keys().find(|key| self.deletes.contains(*key)) {
            return Err(NotDone::PutAndDeleted { key: key.clone() });
        }
        if self.ops() > limits.max_ops {
            return Err(NotDone::TooManyOps { ops: self.ops(), max: limits.max_ops });
        }
        if self.bytes() > limits.max_bytes {
            return Err(NotDone::TooLarge { bytes: self.bytes(), max: limits.max_bytes });
        }
        Ok(())
    }
}

/// Counted for each operation beside its key and value: room for a cluster's key prefix (at most
/// 81 bytes) and etcd's framing.
pub const OP_OVERHEAD_BYTES: usize = 128;

/// The largest transaction that a store takes. The registrar batches below it; a store never
/// splits a transaction, since that would not be atomic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Greatest [`Txn::ops`].
    pub max_ops: usize,
    /// Greatest [`Txn::bytes`].
    pub max_bytes: usize,
}

/// Which registry a store holds, apart from its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Made when the registry was first initialized.
    pub registry: RegistryId,
    /// How often it was restored from a backup.
    pub generation: u64,
}

impl Identity {
    /// A registry that is being initialized.
    pub const fn fresh(registry: RegistryId) -> Self {
        Identity { registry, generation: 0 }
    }

    /// The term of this registry with `counter`.
    pub const fn term(self, counter: u64) -> Term {
        Term { registry: self.registry, generation: self.generation, counter }
    }
}

/// Everything that a store holds, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// All objects.
    pub entries: BTreeMap<Key, Bytes>,
    /// See [`Identity::registry`].
    pub registry: RegistryId,
    /// See [`Identity::generation`].
    pub generation: u64,
    /// The last transaction that `entries` include.
    pub commit: CommitMark,
}
