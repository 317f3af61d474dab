//! What the core wants done: [`Effect`], the one closed list.
//!
//! Effects are data and are carried out in order. What depends on a durable write is not an effect
//! until [`Event::Persisted`](super::event::Event::Persisted) has come back for that write.

use super::ids::{DialId, ExecutorConnection, TimerKey, UpdateId, WriteId};
use crate::checkpoint::DiskOperation;
use crate::containerizer::{ContainerLimits, LaunchSpec};
use libproc::TraceContext;
use meseta_api::ids::{ContainerId, FrameworkId};
use meseta_api::internal::master::FromAgent;
use meseta_api::v1;
use std::path::PathBuf;
use std::time::Duration;

/// One thing to be done outside the core.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Reach the master at this address and link to it.
    Dial {
        /// Names the attempt, and the connection that comes of it.
        dial: DialId,
        /// `host:port`.
        address: String,
    },
    /// Take the link back and close the connection.
    Disconnect {
        /// Which.
        dial: DialId,
        /// For the log.
        why: String,
    },
    /// Send to a master; lost if the connection is gone.
    ToMaster {
        /// On which connection.
        dial: DialId,
        /// What.
        message: Box<FromAgent>,
    },
    /// Make these operations durable, in order, and report it. Writes of one lane that touch the
    /// same path keep their order. If one fails the node ends: there is no other outcome.
    Persist {
        /// Names the write in its report.
        write: WriteId,
        /// Whose files these are.
        lane: Lane,
        /// What to do.
        operations: Vec<DiskOperation>,
    },
    /// Let the executor of this container in (a fresh secret goes into its environment), then
    /// launch it, then wait for its end.
    Launch(Box<LaunchSpec>),
    /// Change what a running container may use, and report it. Never said of a container whose
    /// last change was not reported.
    UpdateContainer {
        /// Which.
        container: ContainerId,
        /// What it may use from now on.
        limits: ContainerLimits,
    },
    /// Make these directories of persistent volumes, then remove those with all that is in them;
    /// one at a time, and reported. What is there, or not there, already is fine.
    ArrangeVolumes {
        /// Durable when it is reported.
        make: Vec<PathBuf>,
        /// Gone for good.
        remove: Vec<PathBuf>,
    },
    /// Destroy a container, of this life or an earlier one.
    Destroy {
        /// Which.
        container: ContainerId,
    },
    /// A container's end is recorded: its executor's secret is void, and the containerizer may
    /// drop its records.
    Forget {
        /// Which.
        container: ContainerId,
    },
    /// Send an event to an executor; lost if the connection is gone.
    ToExecutor {
        /// On which connection.
        connection: ExecutorConnection,
        /// What.
        event: Box<v1::executor::Event>,
    },
    /// A call was taken: what HTTP answers with 202.
    AcceptCall {
        /// On which connection.
        connection: ExecutorConnection,
    },
    /// A call was refused.
    RefuseCall {
        /// On which connection.
        connection: ExecutorConnection,
        /// As over HTTP.
        code: u16,
        /// Why.
        message: String,
        /// The uuid of the status that the call was to say, if it was one.
        update: Option<UpdateId>,
    },
    /// End an executor's connection after what was sent on it.
    CloseExecutor {
        /// Which.
        connection: ExecutorConnection,
    },
    /// Wake the core with this key after this long, instead of any earlier timer of the key.
    SetTimer {
        /// What for.
        key: TimerKey,
        /// How long from now.
        after: Duration,
    },
    /// Forget the timer of this key, if there is one.
    CancelTimer {
        /// Which.
        key: TimerKey,
    },
    /// What follows is part of this trace.
    ContinueTrace(Option<TraceContext>),
    /// Write a line that an operator can act on.
    Note {
        /// How urgent.
        level: Level,
        /// The line.
        text: String,
    },
    /// End this node.
    ExitNode {
        /// Why.
        reason: String,
    },
}

/// Which files a write touches: writes of different lanes never touch the same path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// The agent's own.
    Agent,
    /// Those of one framework.
    Framework(FrameworkId),
}

/// How urgent a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The ordinary course of things.
    Info,
    /// Somebody may want to look.
    Warn,
    /// Somebody must look.
    Error,
}
