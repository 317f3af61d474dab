//! What an agent holds: frameworks, their executors here, the executors' tasks.

use super::executor::Phase;
use super::group::Group;
use super::limits::Demand;
use super::resize::Resizing;
use libproc::TraceContext;
use meseta_api::ids::{ContainerId, ExecutorId, FrameworkId, TaskId};
use meseta_api::v1::{self, TaskState};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

/// Tasks that ended which an executor's record remembers, to know a repeated update of one.
const REMEMBERED_TASKS: usize = 200;

/// A framework with something here.
#[derive(Clone, Debug)]
pub struct Framework {
    /// As last heard of.
    pub info: v1::FrameworkInfo,
    /// By the framework's own names.
    pub executors: BTreeMap<ExecutorId, Executor>,
    /// The master said that it is gone: its tasks' ends interest nobody.
    pub gone: bool,
}

/// An executor, from its first task until the last update of its tasks is acknowledged.
#[derive(Clone, Debug)]
pub struct Executor {
    /// As the framework, or for a command the agent, describes it.
    pub info: v1::ExecutorInfo,
    /// Its one container.
    pub container: ContainerId,
    /// Where it is.
    pub phase: Phase,
    /// Made by the agent for one command.
    pub for_command: bool,
    /// Tasks that are not both terminal and acknowledged.
    tasks: BTreeMap<TaskId, Task>,
    /// What those that have not ended ask for together.
    demand: Demand,
    /// How far its container's limits are behind that.
    pub(super) resizing: Resizing,
    /// Its process.
    pub pid: Option<u32>,
    /// Its working directory.
    pub sandbox: PathBuf,
    /// Where its records are.
    pub run: PathBuf,
    /// Tasks that are over, newest last.
    pub completed: VecDeque<TaskId>,
    /// How many tasks it has spoken of, ever, that it was not given.
    pub strangers: usize,
}

/// An executor as it is made.
pub struct NewExecutor {
    /// As [`Executor::info`].
    pub info: v1::ExecutorInfo,
    /// As [`Executor::container`].
    pub container: ContainerId,
    /// As [`Executor::phase`].
    pub phase: Phase,
    /// As [`Executor::for_command`].
    pub for_command: bool,
    /// As [`Executor::sandbox`].
    pub sandbox: PathBuf,
    /// As [`Executor::run`].
    pub run: PathBuf,
}

impl From<NewExecutor> for Executor {
    /// Without tasks.
    fn from(new: NewExecutor) -> Self {
        let NewExecutor { info, container, phase, for_command, sandbox, run } = new;
        Executor {
            info,
            container,
            phase,
            for_command,
            tasks: BTreeMap::new(),
            demand: Demand::default(),
            resizing: Resizing::default(),
            pid: None,
            sandbox,
            run,
            completed: VecDeque::new(),
            strangers: 0,
        }
    }
}

/// A task.
#[derive(Clone, Debug)]
pub struct Task {
    /// As the master sent it; none for one that only the executor knew before.
    pub info: Option<Box<v1::TaskInfo>>,
    /// The group that it was launched with, in this life of the agent.
    pub group: Option<Group>,
    /// Where it is on its way to the executor.
    pub step: TaskStep,
    /// Its newest state.
    pub state: TaskState,
    /// A kill that has yet to reach the executor.
    pub kill: Option<Kill>,
    /// The trace of its launch, in this life of the agent.
    pub trace: Option<TraceContext>,
}

/// A task's way.
///
/// ```text
/// Checkpointing ──durable──> Queued ──executor subscribed──> Sent ──terminal update──> Over
///       └──────────────────────┴── killed, or its executor ended ──────────────────────^
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskStep {
    /// It is being written.
    Checkpointing,
    /// It waits for its executor.
    Queued,
    /// Its executor was told to launch it.
    Sent,
    /// It has ended; its last update is not acknowledged yet.
    Over,
}

/// A kill as it was ordered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kill {
    /// Overrides the task's own.
    pub policy: Option<v1::KillPolicy>,
}

impl Task {
    /// A task that the master sent.
    pub fn new(info: v1::TaskInfo, trace: Option<TraceContext>) -> Self {
        Task {
            info: Some(Box::new(info)),
            group: None,
            step: TaskStep::Checkpointing,
            state: TaskState::TaskStaging,
            kill: None,
            trace,
        }
    }

    /// The trace that a step on its behalf is part of: the step's own while that is of the
    /// launch, else the launch's.
    pub fn trace(&self, step: Option<TraceContext>) -> Option<TraceContext> {
        match (self.trace, step) {
            (Some(launch), Some(step)) if launch.trace_id == step.trace_id => Some(step),
            (launch, step) => launch.or(step),
        }
    }
}

impl Executor {
    /// Its tasks by id.
    pub fn tasks(&self) -> &BTreeMap<TaskId, Task> {
        &self.tasks
    }

    /// Its tasks that have not ended, together.
    pub fn demand(&self) -> &Demand {
        &self.demand
    }

    /// One task, to change; that it ends is said with [`Executor::end`].
    pub fn task_mut(&mut self, task: &TaskId) -> Option<&mut Task> {
        self.tasks.get_mut(task)
    }

    /// All tasks, as [`Executor::task_mut`].
    pub fn tasks_mut(&mut self) -> impl Iterator<Item = (&TaskId, &mut Task)> {
        self.tasks.iter_mut()
    }

    /// Takes a task, in place of one of its id.
    pub fn take(&mut self, id: TaskId, task: Task) {
        self.remove(&id);
        if task.step != TaskStep::Over {
            self.demand.add(task.info.as_deref());
        }
        self.tasks.insert(id, task);
    }

    /// A task has ended.
    pub fn end(&mut self, id: &TaskId) {
        if let Some(task) = self.tasks.get_mut(id).filter(|task| task.step != TaskStep::Over) {
            task.step = TaskStep::Over;
            task.kill = None;
            self.resizing.forget(id);
            self.demand.subtract(task.info.as_deref());
        }
    }

    /// Drops all tasks.
    pub fn drop_tasks(&mut self) {
        self.tasks.clear();
        self.demand = Demand::default();
    }

    /// Whether a task of this id was here before; also true where that is forgotten.
    pub fn may_have_completed(&self, id: &TaskId) -> bool {
        self.completed.len() >= REMEMBERED_TASKS || self.completed.contains(id)
    }

    /// Whether any task has not ended.
    pub fn is_busy(&self) -> bool {
        self.demand.tasks() > 0
    }

    fn remove(&mut self, id: &TaskId) -> Option<Task> {
        let task = self.tasks.remove(id)?;
        if task.step != TaskStep::Over {
            self.demand.subtract(task.info.as_deref());
        }
        Some(task)
    }

    /// Takes a task that is over out, and remembers it.
    pub fn complete(&mut self, task: &TaskId) {
        if self.remove(task).is_some() {
            self.completed.push_back(task.clone());
            if self.completed.len() > REMEMBERED_TASKS {
                self.completed.pop_front();
            }
        }
    }
}

/// Frameworks by id.
pub type Frameworks = BTreeMap<FrameworkId, Framework>;
