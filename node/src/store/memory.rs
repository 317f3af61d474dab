//! [`MemoryStore`]: a full store without durability, whose failures are chosen by its user.
//!
//! For tests, the simulator and authors of frameworks. It reads no clock and draws nothing: an
//! operation proceeds at once unless it is held ([`MemoryStore::hold`]) or paced by a callback
//! ([`MemoryStore::pace`]), and fails only where a fault was injected, so a run is reproducible.
//! Clones share one registry, as several masters would share etcd.

use super::error::{cause, CommitError, Fenced, LoadError, NotDone};
use super::key::Key;
use super::txn::{CommitMark, Identity, Limits, Snapshot, Txn};
use super::Store;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use meseta_api::term::{RegistryId, Term};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The same limits as etcd's, so that what passes here passes there.
const LIMITS: Limits = super::etcd::LIMITS;

/// What happens to one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFault {
    /// Not applied, and the writer is told so: `NotDone`.
    Refused,
    /// Not applied, and the writer cannot know: `MaybeDone`.
    Lost,
    /// Applied, and the writer cannot know: `MaybeDone`.
    Unacknowledged,
}

/// A point at which an operation consults the callback given to [`MemoryStore::pace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A load is about to read.
    BeforeLoad,
    /// A commit is about to take effect.
    BeforeCommit,
    /// A commit took effect (or was refused) and is about to be answered.
    AfterCommit,
}

/// Makes the future that an operation waits for at a stage, for instance a sleep on virtual time.
pub type Pace = Arc<dyn Fn(Stage) -> BoxFuture<'static, ()> + Send + Sync>;

/// The failure that was injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("injected fault")]
pub struct InjectedFault;

/// See the [module](self).
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// One commit at a time, in order of arrival.
    turn: tokio::sync::Mutex<()>,
    held: watch::Sender<bool>,
}

/// Whose transactions are taken.
#[derive(Clone, Copy)]
enum Leader {
    /// Until a first term begins: a store that is filled before its masters start.
    Anybody,
    Nobody,
    Counter(u64),
}

struct State {
    entries: BTreeMap<Key, Bytes>,
    identity: Identity,
    commit: CommitMark,
    starts: u64,
    leader: Leader,
    in_doubt: bool,
    commit_faults: VecDeque<CommitFault>,
    load_faults: usize,
    pace: Option<Pace>,
}

impl MemoryStore {
    /// An empty registry.
    pub fn new(registry: RegistryId) -> Self {
        let state = State {
            entries: BTreeMap::new(),
            identity: Identity::fresh(registry),
            commit: CommitMark::default(),
            starts: 0,
            leader: Leader::Anybody,
            in_doubt: false,
            commit_faults: VecDeque::new(),
            load_faults: 0,
            pace: None,
        };
        MemoryStore {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                turn: tokio::sync::Mutex::new(()),
                held: watch::Sender::new(false),
            }),
        }
    }

    /// Counts one start of a master and returns its term, as the embedded store does when it is
    /// opened. From now on only this term's transactions are taken.
    pub fn begin_term(&self) -> Term {
        let mut state = self.state();
        state.starts += 1;
        state.leader = Leader::Counter(state.starts);
        state.identity.term(state.starts)
    }

    /// Takes no transaction of any term until [`MemoryStore::begin_term`], as when a lease ends
    /// before the next election.
    pub fn depose(&self) {
        self.state().leader = Leader::Nobody;
    }

    /// Raises the generation, as a restore from a backup does.
    pub fn raise_generation(&self) -> Identity {
        let mut state = self.state();
        state.identity.generation += 1;
        state.identity
    }

    /// Lets the next commits that are not yet in turn end with `faults`, one each, in order.
    pub fn inject(&self, faults: impl IntoIterator<Item = CommitFault>) {
        self.state().commit_faults.extend(faults);
    }

    /// Lets the next `count` loads fail with [`LoadError::Unavailable`].
    pub fn fail_loads(&self, count: usize) {
        self.state().load_faults += count;
    }

    /// Stops the store: operations neither take effect nor end until [`MemoryStore::release`].
    pub fn hold(&self) {
        self.shared.held.send_replace(true);
    }

    /// Ends a [`MemoryStore::hold`].
    pub fn release(&self) {
        self.shared.held.send_replace(false);
    }

    /// Has each operation wait for `pace`'s future at each [`Stage`]; `None` ends it.
    pub fn pace(&self, pace: Option<Pace>) {
        self.state().pace = pace;
    }

    /// What is stored now, past all faults and holds: for assertions.
    pub fn peek(&self) -> Snapshot {
        self.state().snapshot()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of a test while it held the lock must not hide that test's own message.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reach(&self, stage: Stage) {
        let pace = self.state().pace.clone();
        if let Some(pace) = pace {
            pace(stage).await;
        }
        let mut held = self.shared.held.subscribe();
        // The sender lives as long as `self`, so that this cannot fail.
        let _ = held.wait_for(|held| !held).await;
    }

    async fn load_now(&self) -> Result<Snapshot, LoadError> {
        self.reach(Stage::BeforeLoad).await;
        let _turn = self.shared.turn.lock().await;
        let mut state = self.state();
        if state.load_faults > 0 {
            state.load_faults -= 1;
            return Err(LoadError::Unavailable {
                waited: Duration::ZERO,
                cause: cause(InjectedFault),
            });
        }
        state.in_doubt = false;
        Ok(state.snapshot())
    }

    async fn commit_now(&self, txn: Txn) -> Result<(), CommitError> {
        let _turn = self.shared.turn.lock().await;
        self.reach(Stage::BeforeCommit).await;
        let outcome = self.state().commit(&txn);
        self.reach(Stage::AfterCommit).await;
        outcome
    }
}

impl State {
    fn snapshot(&self) -> Snapshot {
        Snapshot {
            entries: self.entries.clone(),
            registry: self.identity.registry,
            generation: self.identity.generation,
            commit: self.commit,
        }
    }

    fn commit(&mut self, txn: &Txn) -> Result<(), CommitError> {
        let mark = txn.mark;
        if self.in_doubt {
            return Err(CommitError::NotDone { mark, reason: NotDone::NotLoaded });
        }
        let fenced = |leader| {
            let reason = Fenced::OtherLeader { ours: mark.counter, leader };
            Err(CommitError::Fenced { mark, reason })
        };
        match self.leader {
            Leader::Nobody => return fenced(None),
            Leader::Counter(leader) if leader != mark.counter => return fenced(Some(leader)),
            Leader::Anybody | Leader::Counter(_) => {}
        }
        txn.check(self.commit, LIMITS).map_err(|reason| CommitError::NotDone { mark, reason })?;
        match self.commit_faults.pop_front() {
            None => {
                self.apply(txn);
                Ok(())
            }
            Some(CommitFault::Refused) => {
                let reason = NotDone::Store(cause(InjectedFault));
                Err(CommitError::NotDone { mark, reason })
            }
            Some(CommitFault::Lost) => Err(self.doubt(mark)),
            Some(CommitFault::Unacknowledged) => {
                self.apply(txn);
                Err(self.doubt(mark))
            }
        }
    }

    fn apply(&mut self, txn: &Txn) {
        txn.apply_to(&mut self.entries);
        self.commit = txn.mark;
    }

    fn doubt(&mut self, mark: CommitMark) -> CommitError {
        self.in_doubt = true;
        CommitError::MaybeDone { mark, waited: Duration::ZERO, cause: cause(InjectedFault) }
    }
}

impl Store for MemoryStore {
    fn load(&self) -> BoxFuture<'static, Result<Snapshot, LoadError>> {
        let store = self.clone();
        Box::pin(async move { store.load_now().await })
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'static, Result<(), CommitError>> {
        let store = self.clone();
        Box::pin(async move { store.commit_now(txn).await })
    }

    fn limits(&self) -> Limits {
        LIMITS
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
