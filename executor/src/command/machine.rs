//! The life of the one task, pure.
//!
//! ```text
//!  Waiting ─Launch─> Starting ─Started─> Running ─Kill/Shutdown─> Killing ─GraceOver─> (SIGKILL)
//!     │                 │ NotStarted        │ Exited               │ Exited
//!     └─Kill/Shutdown───┴───────────────────┴──────────────────────┴──> Ended
//! ```

use super::child::ChildExit;
use meseta_api::v1;
use std::time::Duration;
use v1::task_status::Reason;
use v1::TaskState;

/// From SIGTERM to SIGKILL where nobody says otherwise.
const KILL_GRACE: Duration = Duration::from_secs(3);

/// What happens to the task.
#[derive(Debug)]
pub enum Event {
    /// The agent's SUBSCRIBED: whose task it will be.
    Subscribed(Box<v1::FrameworkInfo>),
    /// The task.
    Launch(Box<v1::TaskInfo>),
    /// The child runs.
    Started,
    /// The child could not be started.
    NotStarted(String),
    /// The child ended.
    Exited(ChildExit),
    /// Kill it; a repeated kill with a shorter grace period counts.
    Kill(v1::TaskId, Option<v1::KillPolicy>),
    /// The executor is to end.
    Shutdown,
    /// A grace period ended: that of any kill, since a repeated one only shortens.
    GraceOver,
    /// The task's `max_completion_time` is over.
    DeadlineOver,
}

/// What is done about it.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Say this.
    Update(Box<v1::TaskStatus>),
    /// Start the child.
    Start(Box<v1::CommandInfo>),
    /// Signal the child's group.
    Signal(Kill),
    /// Say `GraceOver` after this long.
    Escalate(Duration),
    /// Say `DeadlineOver` after this long.
    Deadline(Duration),
    /// Nothing more will happen: leave once the updates are acknowledged.
    End,
}

/// How hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// SIGTERM.
    Terminate,
    /// SIGKILL.
    Now,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Starting,
    Running,
    Killing(Why),
    Ended,
}

/// Why the task is being killed: what its end will be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Asked,
    Deadline,
}

/// The pure machine.
#[derive(Debug)]
pub struct Machine {
    state: State,
    task: Option<v1::TaskInfo>,
    wants_killing: bool,
    shutdown_grace: Duration,
    /// The shortest grace that a timer runs for. A kill with this or more cannot end before that
    /// timer does, so that it needs none of its own.
    escalates_in: Option<Duration>,
}

impl Machine {
    /// `shutdown_grace`: from SHUTDOWN until the agent destroys the container.
    pub fn new(shutdown_grace: Duration) -> Self {
        Machine {
            state: State::Waiting,
            task: None,
            wants_killing: false,
            shutdown_grace,
            escalates_in: None,
        }
    }

    /// Whether there is, or was, a task.
    pub fn has_task(&self) -> bool {
        self.task.is_some()
    }

    /// Takes one event.
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        match (self.state, event) {
            (_, Event::Subscribed(framework)) => {
                let killing = v1::framework_info::capability::Type::TaskKillingState;
                self.wants_killing = framework.capabilities.iter().any(|c| c.r#type() == killing);
                Vec::new()
            }
            (State::Waiting, Event::Launch(task)) => self.launch(*task),
            (_, Event::Launch(task)) => {
                let message = "the command executor runs one task".to_owned();
                vec![Effect::Update(Box::new(v1::TaskStatus {
                    task_id: task.task_id,
                    state: TaskState::TaskFailed as i32,
                    message: Some(message),
                    ..Default::default()
                }))]
            }
            (State::Starting, Event::Started) => {
                self.state = State::Running;
                let mut effects = vec![self.update(TaskState::TaskRunning, None, None)];
                let most = self.task.as_ref().and_then(|task| task.max_completion_time.as_ref());
                effects.extend(most.map(|most| Effect::Deadline(nanos(most.nanoseconds))));
                effects
            }
            (State::Starting, Event::NotStarted(why)) => self.end(TaskState::TaskFailed, why, None),
            (State::Running, Event::Exited(exit)) => match exit {
                ChildExit::Code(0) => self.end(TaskState::TaskFinished, said(exit), None),
                _ => self.end(TaskState::TaskFailed, said(exit), None),
            },
            (State::Killing(Why::Asked), Event::Exited(exit)) => {
                self.end(TaskState::TaskKilled, said(exit), None)
            }
            (State::Killing(Why::Deadline), Event::Exited(_)) => {
                let reason = Reason::MaxCompletionTimeReached;
                self.end(
                    TaskState::TaskFailed,
                    "maximum completion time reached".into(),
                    Some(reason),
                )
            }
            (State::Waiting, Event::Shutdown | Event::Kill(..)) => {
                self.state = State::Ended;
                vec![Effect::End]
            }
            (State::Running | State::Killing(_), Event::Kill(id, policy)) => {
                match self.task.as_ref().is_some_and(|task| task.task_id == id) {
                    true => self.kill(Why::Asked, self.grace(policy.as_ref())),
                    false => Vec::new(),
                }
            }
            (State::Running | State::Killing(_), Event::Shutdown) => {
                // Leaves a second to report before the container is destroyed.
                let room = self.shutdown_grace.saturating_sub(Duration::from_secs(2));
                self.kill(Why::Asked, self.grace(None).min(room))
            }
            (State::Running, Event::DeadlineOver) => self.kill(Why::Deadline, self.grace(None)),
            (State::Killing(_), Event::GraceOver) => vec![Effect::Signal(Kill::Now)],
            _ => Vec::new(),
        }
    }

    fn launch(&mut self, task: v1::TaskInfo) -> Vec<Effect> {
        let command = task.command.clone();
        self.task = Some(task);
        self.state = State::Starting;
        let starting = self.update(TaskState::TaskStarting, None, None);
        match command {
            Some(command) => vec![starting, Effect::Start(Box::new(command))],
            None => self.end(TaskState::TaskFailed, "the task has no command".into(), None),
        }
    }

    fn kill(&mut self, why: Why, grace: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.state == State::Running && self.wants_killing {
            effects.push(self.update(TaskState::TaskKilling, None, None));
        }
        // The first reason names the end.
        if self.state == State::Running {
            self.state = State::Killing(why);
        }
        effects.push(Effect::Signal(Kill::Terminate));
        if self.escalates_in.is_none_or(|shortest| grace < shortest) {
            self.escalates_in = Some(grace);
            effects.push(Effect::Escalate(grace));
        }
        effects
    }

    /// The kill's own policy, else the task's, else the default.
    fn grace(&self, policy: Option<&v1::KillPolicy>) -> Duration {
        let task = self.task.as_ref().and_then(|task| task.kill_policy.as_ref());
        let period = |policy: &v1::KillPolicy| policy.grace_period.as_ref().map(|p| p.nanoseconds);
        policy.and_then(period).or_else(|| task.and_then(period)).map_or(KILL_GRACE, nanos)
    }

    fn end(&mut self, state: TaskState, message: String, reason: Option<Reason>) -> Vec<Effect> {
        self.state = State::Ended;
        vec![self.update(state, Some(message), reason), Effect::End]
    }

    fn update(&self, state: TaskState, message: Option<String>, reason: Option<Reason>) -> Effect {
        let task_id = self.task.as_ref().map(|task| task.task_id.clone()).unwrap_or_default();
        Effect::Update(Box::new(v1::TaskStatus {
            task_id,
            state: state as i32,
            message,
            reason: reason.map(|reason| reason as i32),
            ..Default::default()
        }))
    }
}

/// A negative duration was refused when the task was validated; here it is none.
fn nanos(nanoseconds: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0))
}

fn said(exit: ChildExit) -> String {
    match exit {
        ChildExit::Code(code) => format!("command exited with status {code}"),
        ChildExit::Signal(signal) => match nix::sys::signal::Signal::try_from(signal) {
            Ok(signal) => format!("command terminated by signal {signal}"),
            Err(_) => format!("command terminated by signal {signal}"),
        },
    }
}

#[cfg(test)]
mod tests;
