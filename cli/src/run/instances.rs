//! What became of each instance: [`Instances`]. Pure.
//!
//! ```text
//! Waiting ──launched──> Running ──terminal status──> Ended(code)
//!    ^                     │
//!    └──── TASK_DROPPED ───┘  it never ran: up to MOST_TRIES times
//! ```

use crate::exit;
use meseta_api::v1::{AgentId, TaskState, TaskStatus};

/// How often one instance is launched that never gets to run.
const MOST_TRIES: u32 = 5;

/// All instances of one run.
#[derive(Debug)]
pub struct Instances {
    name: String,
    list: Vec<Instance>,
    /// The code of the first instance that failed.
    failure: Option<u8>,
    interrupted: bool,
}

#[derive(Debug)]
struct Instance {
    tries: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Ended,
}

/// How many instances are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not launched.
    pub waiting: usize,
    /// Launched and not ended.
    pub running: usize,
    /// Ended.
    pub ended: usize,
}

impl Instances {
    /// `count` instances, all waiting.
    pub fn new(name: &str, count: usize) -> Self {
        let waiting = || Instance { tries: 0, state: State::Waiting };
        Instances {
            name: name.to_owned(),
            list: std::iter::repeat_with(waiting).take(count).collect(),
            failure: None,
            interrupted: false,
        }
    }

    /// The next instance to launch, as the id of its task; it counts as launched from now on.
    pub fn launch(&mut self) -> Option<String> {
        let waiting = |instance: &Instance| instance.state == State::Waiting;
        let index = self.list.iter().position(waiting)?;
        let instance = &mut self.list[index];
        instance.state = State::Running;
        instance.tries += 1;
        Some(match instance.tries {
            1 => format!("{}.{index}", self.name),
            again => format!("{}.{index}.{again}", self.name),
        })
    }

    /// Takes a status of a task; whether it changed an instance's state to waiting or ended.
    pub fn update(&mut self, status: &TaskStatus) -> bool {
        let Some(index) = self.index(&status.task_id.value) else {
            return false;
        };
        let interrupted = self.interrupted;
        let instance = &mut self.list[index];
        if instance.state != State::Running || !status.state().is_terminal() {
            return false;
        }
        let again = status.state() == TaskState::TaskDropped && instance.tries < MOST_TRIES;
        if again && !interrupted {
            instance.state = State::Waiting;
            return true;
        }
        instance.state = State::Ended;
        let code = exit::of_task(status);
        if code != exit::OK {
            self.failure.get_or_insert(code);
        }
        true
    }

    /// Gives up what has not been launched; the tasks to kill are those that still run.
    pub fn interrupt(&mut self) -> Vec<String> {
        self.interrupted = true;
        let mut running = Vec::new();
        for (index, instance) in self.list.iter_mut().enumerate() {
            match instance.state {
                State::Waiting => instance.state = State::Ended,
                State::Running if instance.tries > 1 => {
                    running.push(format!("{}.{index}.{}", self.name, instance.tries));
                }
                State::Running => running.push(format!("{}.{index}", self.name)),
                State::Ended => {}
            }
        }
        running
    }

    /// Whether it was interrupted.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// The instance of a task, if the task is this run's and not an earlier try.
    pub fn index(&self, task: &str) -> Option<usize> {
        let rest = task.strip_prefix(&self.name)?.strip_prefix('.')?;
        let (index, tries) = match rest.split_once('.') {
            Some((index, tries)) => (index, tries.parse().ok()?),
            None => (rest, 1),
        };
        let index: usize = index.parse().ok()?;
        let instance = self.list.get(index)?;
        (instance.tries == tries).then_some(index)
    }

    /// How many there are of each.
    pub fn counts(&self) -> Counts {
        let count = |state| self.list.iter().filter(|i| i.state == state).count();
        Counts {
            waiting: count(State::Waiting),
            running: count(State::Running),
            ended: count(State::Ended),
        }
    }

    /// The exit code, once every instance has ended.
    pub fn outcome(&self) -> Option<u8> {
        let ended = self.list.iter().all(|i| i.state == State::Ended);
        ended.then_some(match self.failure {
            _ if self.interrupted => exit::INTERRUPTED,
            Some(code) => code,
            None => exit::OK,
        })
    }
}

/// Where an instance was launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The agent's id.
    pub agent: AgentId,
    /// `host:port` of the agent's HTTP API.
    pub address: String,
}
