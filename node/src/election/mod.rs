//! Which master leads, and for how long: elections, the lease gate, and leader detection.
//!
//! State: one candidacy per master; in etcd one leader key bound to the leader's lease. A master
//! starts an [`Election`] and is told [`ElectionEvent`]s; everything that it sends passes its
//! [`LeaseGate`]. Agents, schedulers and the CLI only [`detect()`], and try what they find in the
//! order of a [`LeaderSearch`]; a process is told by [`follow()`].
//!
//! Read next: [`gate`] for the promise, `etcd` for how a lease is won, held and lost,
//! [`standalone`] for one machine, [`manual`] for tests.

pub mod clock;
pub mod detect;
mod etcd;
pub mod event;
pub mod follow;
pub mod gate;
mod leader;
pub mod manual;
pub mod masters;
pub mod search;
pub mod standalone;

pub use clock::LeaseClock;
pub use detect::{detect, Detection, EtcdAccess, LeaderStream};
pub use etcd::{Entropy, EtcdElection};
pub use event::{Candidacy, ElectionEvent, LostReason, Resign};
pub use follow::follow;
pub use gate::LeaseGate;
pub use leader::LeaderInfo;
pub use manual::{ManualControl, ManualElection};
pub use masters::{InvalidMasters, Masters};
pub use search::LeaderSearch;
pub use standalone::StandaloneElection;

/// A way to become the leader. Each value is one candidate's one attempt: a master that lost
/// ends its node, and its next life is a new candidate.
pub trait Election: Send {
    /// Becomes a candidate. Those that need a tokio runtime spawn onto the current one.
    fn start(self: Box<Self>) -> Candidacy;
}
