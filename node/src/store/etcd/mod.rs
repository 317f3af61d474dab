//! [`EtcdStore`]: a registry in etcd, shared by several masters of which one writes.
//!
//! State: none of its own but the mark of the last transaction; everything is in etcd (`layout`
//! draws it). Each transaction holds only while the writer's term leads ([`Fenced`]), so that a
//! deposed leader cannot write however late its request arrives.
//!
//! Read next: `commit` for unknown outcomes, `load` for paging, [`Endpoints`] for failing over
//! between members. The election uses the same keys, in [`crate::election`].
//!
//! [`Fenced`]: super::CommitError::Fenced

pub(crate) mod answer;
mod commit;
mod config;
mod endpoints;
mod failure;
pub(crate) mod identity;
pub(crate) mod layout;
mod load;
mod mark;
mod url;

pub use config::{Credentials, EtcdConfig, Timeouts, TlsFiles, DEFAULT_TTL, MAX_TTL, MIN_TTL};
pub use endpoints::Endpoints;
pub(crate) use endpoints::{REFUSED_PAUSE, RETRY_PAUSE};
pub use failure::{Exhausted, Failure};
pub use identity::raise_generation;
pub use url::{EtcdUrl, InvalidEtcdUrl, DEFAULT_PORT, SCHEME};

use super::error::{cause, CommitError, LoadError, NotDone};
use super::txn::{Limits, Snapshot, Txn};
use super::Store;
use crate::election::LeaseGate;
use commit::Commit;
use futures_util::future::BoxFuture;
use layout::Layout;
use mark::StoredMark;
use std::sync::Arc;
use tokio::sync::Mutex;

/// etcd takes 128 operations in a transaction and requests below 1.5 MiB. The margins are for the
/// commit mark and for an operator who lowered the limits a little.
pub const LIMITS: Limits = Limits { max_ops: 100, max_bytes: 1_400 << 10 };

/// See the [module](self). Needs a tokio runtime with time and I/O.
#[derive(Clone)]
pub struct EtcdStore {
    shared: Arc<Shared>,
}

struct Shared {
    endpoints: Endpoints,
    layout: Layout,
    gate: LeaseGate,
    /// `None` until loaded, and while an outcome is unknown. Its lock keeps commits in order.
    last: Mutex<Option<StoredMark>>,
}

impl EtcdStore {
    /// A store that writes only while `gate` is open. Connects when it is first used.
    pub fn new(endpoints: Endpoints, gate: LeaseGate) -> Self {
        let layout = Layout::new(&endpoints.config().cluster);
        EtcdStore { shared: Arc::new(Shared { endpoints, layout, gate, last: Mutex::new(None) }) }
    }
}

impl Shared {
    async fn load(&self) -> Result<Snapshot, LoadError> {
        let mut last = self.last.lock().await;
        *last = None;
        let (snapshot, mark) = load::load(&self.endpoints, &self.layout).await?;
        *last = Some(mark);
        Ok(snapshot)
    }

    async fn commit(&self, txn: Txn) -> Result<(), CommitError> {
        let mark = txn.mark;
        let mut last = self.last.lock().await;
        let not_done = |reason| CommitError::NotDone { mark, reason };
        let previous = last.as_ref().ok_or_else(|| not_done(NotDone::NotLoaded))?.clone();
        txn.check(previous.mark, LIMITS).map_err(not_done)?;
        // Taken, so that a future dropped half-way leaves a store that must be loaded again.
        *last = None;
        let commit = Commit {
            endpoints: &self.endpoints,
            layout: &self.layout,
            gate: &self.gate,
            previous: &previous,
            txn: &txn,
        };
        let outcome = commit.run().await;
        *last = match outcome {
            Ok(()) => Some(StoredMark::of(mark)),
            Err(CommitError::NotDone { .. }) => Some(previous),
            Err(CommitError::MaybeDone { .. } | CommitError::Fenced { .. }) => None,
        };
        outcome
    }
}

impl Store for EtcdStore {
    fn load(&self) -> BoxFuture<'static, Result<Snapshot, LoadError>> {
        let shared = self.shared.clone();
        Box::pin(async move { shared.load().await })
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'static, Result<(), CommitError>> {
        let shared = self.shared.clone();
        Box::pin(async move { shared.commit(txn).await })
    }

    fn limits(&self) -> Limits {
        LIMITS
    }
}

impl From<Exhausted> for LoadError {
    fn from(err: Exhausted) -> Self {
        if err.last.is_refusal() {
            LoadError::Refused(cause(err.last))
        } else {
            LoadError::Unavailable { waited: err.waited, cause: cause(err.last) }
        }
    }
}
