//! How a store fails: [`CommitError`] and [`LoadError`].
//!
//! Both are `Clone`, because one failed transaction answers every operation batched into it.

use super::key::Key;
use super::txn::CommitMark;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// An implementation's own error, behind a border that does not name it.
pub type Cause = Arc<dyn Error + Send + Sync>;

pub(crate) fn cause(error: impl Error + Send + Sync + 'static) -> Cause {
    Arc::new(error)
}

/// A transaction was not acknowledged.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing changed and nothing will: the caller may go on with another transaction.
    #[error("transaction {mark} was not done")]
    NotDone {
        /// The refused transaction.
        mark: CommitMark,
        /// Why.
        #[source]
        reason: NotDone,
    },
    /// The store could not find out in time. The store takes no further transaction until it is
    /// loaded again, and a master ends its node.
    #[error("transaction {mark} may or may not be done: not settled within {waited:?}")]
    MaybeDone {
        /// The transaction in doubt.
        mark: CommitMark,
        /// Time spent on finding out.
        waited: Duration,
        /// The last failure met.
        #[source]
        cause: Cause,
    },
    /// Nothing changed, since the writer leads no more. It ends its node.
    #[error("transaction {mark} was refused because its writer is not the leader")]
    Fenced {
        /// The refused transaction.
        mark: CommitMark,
        /// How that was found.
        #[source]
        reason: Fenced,
    },
}

/// Why a transaction was [`CommitError::NotDone`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotDone {
    /// More objects than [`super::Limits::max_ops`].
    #[error("{ops} operations, at most {max} fit into a transaction")]
    TooManyOps {
        /// In the transaction.
        ops: usize,
        /// Allowed.
        max: usize,
    },
    /// More bytes than [`super::Limits::max_bytes`].
    #[error("{bytes} bytes, at most {max} fit into a transaction")]
    TooLarge {
        /// In the transaction.
        bytes: usize,
        /// Allowed.
        max: usize,
    },
    /// A key is both put and deleted.
    #[error("key `{key}` is both put and deleted")]
    PutAndDeleted {
        /// The key.
        key: Key,
    },
    /// The mark does not follow that of the last transaction.
    #[error("its mark does not follow {last}, the last one committed")]
    StaleMark {
        /// The mark of the last transaction.
        last: CommitMark,
    },
    /// The store was not loaded, or not since an outcome stayed unknown.
    #[error("the store must be loaded first")]
    NotLoaded,
    /// The store itself refused.
    #[error("the store failed")]
    Store(#[source] Cause),
}

/// How a store found that a writer leads no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fenced {
    /// The writer's lease deadline passed; nothing was sent.
    #[error("its lease ran out")]
    LeaseRanOut,
    /// The store holds no leader, or another one.
    #[error("term counter {ours} does not lead, {} does", leader_name(.leader))]
    OtherLeader {
        /// The writer's term counter.
        ours: u64,
        /// The leader's, if there is one.
        leader: Option<u64>,
    },
    /// Another writer moved the commit mark, in the same term: the registry was written by hand,
    /// or restored under a running leader.
    #[error("the store was written by somebody else: mark is {found}, expected {expected}")]
    Diverged {
        /// The mark that the writer left.
        expected: CommitMark,
        /// The mark found.
        found: CommitMark,
    },
}

fn leader_name(leader: &Option<u64>) -> String {
    leader.map_or_else(|| "nobody".to_owned(), |counter| format!("counter {counter}"))
}

/// A store could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadError {
    /// It did not answer in time.
    #[error("the store could not be read within {waited:?}")]
    Unavailable {
        /// Time spent on trying.
        waited: Duration,
        /// The last failure met.
        #[source]
        cause: Cause,
    },
    /// It refused, and would again: credentials, permissions, a closed file.
    #[error("the store refuses to be read")]
    Refused(#[source] Cause),
    /// It holds something that no version of this software wrote there.
    #[error("the store holds `{key}`, which is malformed")]
    Malformed {
        /// Where.
        key: String,
        /// What is wrong with it.
        #[source]
        cause: Cause,
    },
    /// It holds no registry yet: no election was won on it.
    #[error("the store holds no registry yet")]
    Uninitialized,
}
