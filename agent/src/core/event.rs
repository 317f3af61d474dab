//! What can happen to an agent: [`Event`], the one closed list.

use super::ids::{DialId, ExecutorConnection, TimerKey, WriteId};
use crate::checkpoint::Recovery;
use crate::containerizer::{ContainerExit, Launched};
use meseta_api::ids::ContainerId;
use meseta_api::internal::agent::FromMaster;
use meseta_api::v1;

/// One thing that happened outside the core.
#[derive(Debug)]
pub enum Event {
    /// The checkpoint of earlier lives was read, and the containers that are there were listed.
    Recovered(Box<Recovery>),
    /// A master's node was reached, and its process is linked.
    Dialled {
        /// The attempt.
        dial: DialId,
    },
    /// A master's node was not reached.
    DialFailed {
        /// The attempt.
        dial: DialId,
        /// For people.
        error: String,
    },
    /// The link to a master fired.
    MasterLost {
        /// The connection.
        dial: DialId,
        /// For people.
        reason: String,
    },
    /// etcd names who leads.
    LeaderNamed {
        /// `host:port`.
        leader: String,
    },
    /// A master said something.
    FromMaster {
        /// On which connection.
        dial: DialId,
        /// What.
        message: Box<FromMaster>,
    },
    /// An executor called.
    ExecutorCalled {
        /// On which connection.
        connection: ExecutorConnection,
        /// The container whose secret the connection was made with; none where the door does not
        /// authenticate, and the call's own ids decide.
        container: Option<ContainerId>,
        /// What it says.
        call: Box<v1::executor::Call>,
    },
    /// An executor's connection ended.
    ExecutorDisconnected {
        /// Which.
        connection: ExecutorConnection,
    },
    /// A container runs.
    ContainerLaunched {
        /// Which.
        container: ContainerId,
        /// What is known of it.
        launched: Launched,
    },
    /// A container did not come to be; nothing of it is left.
    ContainerLaunchFailed {
        /// Which.
        container: ContainerId,
        /// Why.
        error: String,
    },
    /// Nothing of a container is left.
    ContainerEnded {
        /// Which.
        container: ContainerId,
        /// How it ended.
        exit: ContainerExit,
    },
    /// A container could not be destroyed: something of it may run on.
    ContainerDestroyFailed {
        /// Which.
        container: ContainerId,
        /// Why.
        error: String,
    },
    /// A container's limits are changed as was said last.
    ContainerUpdated {
        /// Which.
        container: ContainerId,
    },
    /// A container's limits could not be changed.
    ContainerUpdateFailed {
        /// Which.
        container: ContainerId,
        /// Why.
        error: String,
    },
    /// Directories of persistent volumes were made and removed as asked, or why not.
    VolumesArranged(Result<(), String>),
    /// Every operation of a write is durable. A write that fails ends the node instead.
    Persisted(WriteId),
    /// A timer fired.
    TimerDue(TimerKey),
    /// The agent is told to stop by whoever runs it.
    Stop {
        /// Leave the cluster: end every executor and give the agent's id up. Otherwise tasks run
        /// on and wait for the next life.
        kill_tasks: bool,
    },
}
