//! Names that the core gives: each is used once in a life of the agent.

use meseta_api::ids::ContainerId;
use meseta_api::internal::{OperationUuid, TaskKey};
use meseta_node::uuid::Hyphenated;

/// One attempt to reach a master, and the connection that comes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct DialId(pub u64);

/// One executor's connection, over whichever transport; named by the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExecutorConnection(pub u64);

/// One write to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriteId(pub u64);

/// A status update's own name: what executors and schedulers acknowledge.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UpdateId(pub [u8; 16]);

impl UpdateId {
    /// The id in these bytes, if they are 16.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(UpdateId)
    }

    /// The bytes.
    pub fn to_bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl std::fmt::Display for UpdateId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Hyphenated(self.0).fmt(f)
    }
}

impl std::fmt::Debug for UpdateId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UpdateId({self})")
    }
}

/// What a timer is for. Setting one of a key that is set replaces it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKey {
    /// Dial the next master.
    Redial,
    /// The master that was reached has not said its term.
    TermOverdue,
    /// Ask to be registered once more.
    RegisterAgain,
    /// No ping came for too long.
    PingOverdue,
    /// The executor has not subscribed in time since its launch.
    ExecutorRegistration(ContainerId),
    /// The executor lost its connection and has not come back.
    ExecutorReturn(ContainerId),
    /// The executor was told to shut down and is still there.
    ShutdownGrace(ContainerId),
    /// A destroy failed; try once more.
    DestroyAgain(ContainerId),
    /// The last status of an operation is not acknowledged yet.
    OperationRetry(OperationUuid),
    /// A status update is not acknowledged yet.
    StatusRetry(TaskKey),
    /// Updates that wait for their turn may go, though few acknowledgements came.
    UpdatesRested,
}
