//! Everything that can happen to a scheduler.

use super::Timer;
use meseta_api::internal::scheduler::FromMaster;
use meseta_api::v1;

/// One event, in the order in which it happened.
#[derive(Debug)]
pub enum Event {
    /// The process started.
    Start,
    /// etcd names who leads: `host:port`.
    LeaderNamed(String),
    /// The master that was dialled is connected, or why not.
    Dialled(Result<(), String>),
    /// The connection, or the master at its end, is gone.
    Lost(String),
    /// A timer fired.
    Due(Timer),
    /// The master said something.
    Heard(Box<FromMaster>),
    /// The policy wants this said.
    Call(Box<v1::scheduler::Call>),
    /// The policy wants to end.
    Stop {
        /// And the framework with it.
        teardown: bool,
    },
}
