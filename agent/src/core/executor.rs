//! The life of an executor and its container: one gate, [`Phase::step`].
//!
//! ```text
//!               durable           launched               subscribed
//! Checkpointing ──────> Starting ─────────> Registering ───────────> Running <─┐ back, or
//!       │                  │ │ subscribed before     │                  │  └───┘ disconnected
//!       │ end              │ │ that was known        │ end, overdue     │ shutdown, destroy
//!       │                  │ └──> Running            v                  v
//!       │                  │ end ────────────> Terminating <────────────┘
//!       v                  │ launch failed           │ ended
//!   Terminated <───────────┴─────────────────────────┘
//! ```
//!
//! A container that is being launched cannot be destroyed before its launch is over: the wish is
//! kept in `Terminating { launching: true }`. Terminated means that nothing of the container is
//! left; the executor itself stays until its tasks' last updates are acknowledged.

use super::ending::Ending;
use super::ids::ExecutorConnection;

/// Where an executor is.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// What is to be launched is being written.
    Checkpointing,
    /// The containerizer was told to launch.
    Starting,
    /// Its container runs; it has not subscribed.
    Registering,
    /// It has subscribed.
    Running {
        /// None while it is disconnected.
        connection: Option<ExecutorConnection>,
        /// False while the containerizer has yet to say that the launch is over.
        launched: bool,
    },
    /// It was told to end, or is being destroyed.
    Terminating {
        /// Why.
        why: Ending,
        /// Whether the launch is still under way.
        launching: bool,
        /// Its connection, for what it still has to say.
        connection: Option<ExecutorConnection>,
    },
    /// Nothing of its container is left.
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Debug, PartialEq)]
pub enum PhaseEvent {
    /// What is to be launched is on disk.
    Checkpointed,
    /// The container runs.
    Launched,
    /// The container did not come to be.
    LaunchFailed(String),
    /// The executor subscribed.
    Subscribed(ExecutorConnection),
    /// Its connection ended.
    Disconnected(ExecutorConnection),
    /// It did not subscribe in time.
    RegistrationOverdue,
    /// It did not come back in time.
    ReturnOverdue,
    /// It is to end by itself, or else be destroyed.
    Shutdown(Ending),
    /// It is to be destroyed.
    Destroy(Ending),
    /// It had its time to end by itself.
    GraceOver,
    /// A destroy failed a while ago.
    DestroyAgain,
    /// Nothing of its container is left.
    Ended,
}

/// What has to be done for it.
#[derive(Clone, Debug, PartialEq)]
pub enum PhaseStep {
    /// Tell the containerizer to launch.
    Launch,
    /// It has a limited time to subscribe.
    ExpectSubscription,
    /// It has subscribed: introduce it, and send what waits for it.
    Welcome(ExecutorConnection),
    /// A newer connection took the place of this one.
    Close(ExecutorConnection),
    /// It has a limited time to come back.
    ExpectReturn,
    /// Tell it to end, and give it its grace.
    SendShutdown(ExecutorConnection),
    /// Tell the containerizer to destroy.
    Destroy,
    /// Its end, and why if it was decided here.
    Finish(Option<Ending>),
}

impl Phase {
    /// The connection that it has now.
    pub fn connection(&self) -> Option<ExecutorConnection> {
        match self {
            Phase::Running { connection, .. } | Phase::Terminating { connection, .. } => {
                *connection
            }
            _ => None,
        }
    }

    /// Whether a task may still be given to it.
    pub fn takes_tasks(&self) -> bool {
        !matches!(self, Phase::Terminating { .. } | Phase::Terminated)
    }

    /// The one gate. What does not fit the phase changes nothing.
    pub fn step(&mut self, event: PhaseEvent) -> Vec<PhaseStep> {
        use PhaseEvent as E;
        match (&mut *self, event) {
            (Phase::Checkpointing, E::Checkpointed) => {
                *self = Phase::Starting;
                vec![PhaseStep::Launch, PhaseStep::ExpectSubscription]
            }
            // Nothing was launched.
            (Phase::Checkpointing, E::Shutdown(why) | E::Destroy(why)) => self.finish(Some(why)),
            (Phase::Starting, E::Launched) => {
                *self = Phase::Registering;
                Vec::new()
            }
            (Phase::Running { launched, .. }, E::Launched) => {
                *launched = true;
                Vec::new()
            }
            (Phase::Starting | Phase::Running { launched: false, .. }, E::LaunchFailed(error)) => {
                self.finish(Some(Ending::LaunchFailed(error)))
            }
            (Phase::Starting, E::Subscribed(connection)) => self.welcome(connection, false),
            (Phase::Registering, E::Subscribed(connection)) => self.welcome(connection, true),
            (Phase::Running { connection: old, launched }, E::Subscribed(connection)) => {
                let (old, launched) = (*old, *launched);
                let mut steps: Vec<_> = old
                    .filter(|old| *old != connection)
                    .map(PhaseStep::Close)
                    .into_iter()
                    .collect();
                steps.extend(self.welcome(connection, launched));
                steps
            }
            // It is told once more that it is to end.
            (Phase::Terminating { connection: known, .. }, E::Subscribed(connection)) => {
                *known = Some(connection);
                vec![PhaseStep::SendShutdown(connection)]
            }
            (Phase::Running { connection, .. }, E::Disconnected(which))
                if *connection == Some(which) =>
            {
                *connection = None;
                vec![PhaseStep::ExpectReturn]
            }
            (Phase::Terminating { connection, .. }, E::Disconnected(which))
                if *connection == Some(which) =>
            {
                *connection = None;
                Vec::new()
            }
            (Phase::Starting, E::RegistrationOverdue) => {
                self.terminate(Ending::RegistrationOverdue, true, None)
            }
            (Phase::Registering, E::RegistrationOverdue) => {
                self.terminate(Ending::RegistrationOverdue, false, None)
            }
            (Phase::Running { connection: None, launched }, E::ReturnOverdue) => {
                let launching = !*launched;
                self.terminate(Ending::ReturnOverdue, launching, None)
            }
            (Phase::Starting, E::Shutdown(why) | E::Destroy(why)) => {
                self.terminate(why, true, None)
            }
            (Phase::Registering, E::Shutdown(why) | E::Destroy(why)) => {
                self.terminate(why, false, None)
            }
            (Phase::Running { connection: Some(connection), launched }, E::Shutdown(why)) => {
                let (connection, launching) = (*connection, !*launched);
                *self = Phase::Terminating { why, launching, connection: Some(connection) };
                vec![PhaseStep::SendShutdown(connection)]
            }
            (Phase::Running { connection, launched }, E::Shutdown(why) | E::Destroy(why)) => {
                let (connection, launching) = (*connection, !*launched);
                self.terminate(why, launching, connection)
            }
            (Phase::Terminating { launching, .. }, E::Launched) if *launching => {
                *launching = false;
                vec![PhaseStep::Destroy]
            }
            (Phase::Terminating { why, launching: true, .. }, E::LaunchFailed(_)) => {
                let why = why.clone();
                self.finish(Some(why))
            }
            (Phase::Terminating { launching: false, .. }, E::GraceOver | E::DestroyAgain) => {
                vec![PhaseStep::Destroy]
            }
            // Impatience: whoever asked for a destroy does not wait for the grace.
            (Phase::Terminating { launching: false, .. }, E::Destroy(_)) => {
                vec![PhaseStep::Destroy]
            }
            (Phase::Registering | Phase::Running { .. }, E::Ended) => self.finish(None),
            (Phase::Terminating { why, .. }, E::Ended) => {
                let why = why.clone();
                self.finish(Some(why))
            }
            _ => Vec::new(),
        }
    }

    fn welcome(&mut self, connection: ExecutorConnection, launched: bool) -> Vec<PhaseStep> {
        *self = Phase::Running { connection: Some(connection), launched };
        vec![PhaseStep::Welcome(connection)]
    }

    fn terminate(
        &mut self,
        why: Ending,
        launching: bool,
        connection: Option<ExecutorConnection>,
    ) -> Vec<PhaseStep> {
        *self = Phase::Terminating { why, launching, connection };
        if launching {
            Vec::new()
        } else {
            vec![PhaseStep::Destroy]
        }
    }

    fn finish(&mut self, why: Option<Ending>) -> Vec<PhaseStep> {
        *self = Phase::Terminated;
        vec![PhaseStep::Finish(why)]
    }
}

#[cfg(test)]
#[path = "executor_tests.rs"]
mod tests;
