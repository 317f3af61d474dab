//! Every task that somebody still has to hear of: [`Task`] and its index [`Tasks`].
//!
//! Fed by ACCEPT (`calls/accept.rs`) and by agents (`agents/merge.rs`, `agents/update.rs`). A
//! settled task leaves the index for its framework's history. Where a task is in its life is
//! decided in `life.rs`; statuses that the master itself makes are in `status.rs`.
//!
//! There may be a million tasks, so how one is kept follows from who reads it:
//!
//! | what | how | why |
//! |---|---|---|
//! | life, state, last status told, kill | fields | each update and acknowledgement decides by them |
//! | agent, executor, framework | shared ids | the same for many tasks |
//! | resources | [`Resources`], descriptors and role shared with the offer's | they are counted with |
//! | user, container, limits, …, keys of labels | bytes, one copy for tasks that are alike | readers alone want them, and instances of one service have them in common |
//! | name, values of labels, statuses | bytes | readers alone want them |
//!
//! Bytes are protobuf of the v1 messages (`shown.rs`, `statuses.rs`); [`Task::view`] decodes them.
//! Who counts the users of shared bytes is [`Tasks`] (`index.rs`, `common.rs`).

mod common;
pub(super) mod forget;
mod index;
pub mod life;
mod shown;
pub mod status;
mod statuses;

pub use self::index::Tasks;

use self::life::{Life, LifeStep};
use self::shown::Shown;
use self::statuses::Statuses;
use meseta_api::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use meseta_api::internal::TaskKey;
use meseta_api::resources::Resources;
use meseta_api::v1::{self, TaskState};

/// One task.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Where it runs.
    pub agent: AgentId,
    /// Its executor, if it does not have one of its own made from its command.
    pub executor: Option<ExecutorId>,
    /// What it holds while it is live, with allocation roles.
    pub resources: Resources,
    /// Where it is in its life.
    pub life: Life,
    /// Somebody asked to kill it; asked again when its agent comes back.
    pub kill: Option<Box<Kill>>,
    /// The master said that it came back with its agent, and the agent has not spoken of it since.
    pub came_back: bool,
    /// The number of the newest state known.
    state: i32,
    /// The number of the state that its scheduler was told last.
    told_state: Option<i32>,
    /// The uuid of the status that its scheduler was told last.
    told_uuid: Option<Box<[u8]>>,
    shown: Shown,
}

/// A kill that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Kill {
    /// Overrides the task's own.
    pub policy: Option<v1::KillPolicy>,
    /// The operator who asked; `None` if its scheduler did.
    pub by: Option<String>,
}

impl Task {
    /// A live task of this id as the API shows it; agent, executor and resources are those in
    /// `view`.
    pub fn new(
        id: &TaskId,
        view: v1::Task,
        agent: AgentId,
        executor: Option<ExecutorId>,
        resources: Resources,
    ) -> Self {
        let statuses = Statuses::of(&view.statuses, id, &agent);
        Task {
            state: view.state,
            told_state: view.status_update_state,
            told_uuid: view.status_update_uuid.as_deref().map(Box::from),
            shown: Shown::new(view, &resources, statuses),
            agent,
            executor,
            resources,
            life: Life::Live,
            kill: None,
            came_back: false,
        }
    }

    /// The newest state known.
    pub fn state(&self) -> TaskState {
        TaskState::try_from(self.state).unwrap_or_default()
    }

    /// Changes the newest state known.
    pub fn set_state(&mut self, state: TaskState) {
        self.state = state.into();
    }

    /// The state that its scheduler was told last.
    pub fn told_state(&self) -> Option<TaskState> {
        self.told_state.and_then(|state| TaskState::try_from(state).ok())
    }

    /// The uuid of the status that its scheduler was told last.
    pub fn told_uuid(&self) -> Option<&[u8]> {
        self.told_uuid.as_deref()
    }

    /// What it holds now.
    pub fn held(&self) -> Resources {
        match self.life {
            Life::Live => self.resources.clone(),
            Life::Unreachable | Life::Ended | Life::Settled => Resources::new(),
        }
    }

    /// Takes a step of its life if it can be taken, and says whether it was.
    pub fn step(&mut self, step: LifeStep) -> bool {
        match self.life.after(step) {
            Some(life) => {
                self.life = life;
                true
            }
            None => false,
        }
    }

    /// Its scheduler is told this status, which waits for an acknowledgement.
    pub fn tell(&mut self, id: &TaskId, status: &v1::TaskStatus) {
        self.told_state = Some(status.state);
        self.told_uuid = status.uuid.as_deref().map(Box::from);
        self.came_back = false;
        self.record(id, status);
    }

    /// Remembers a status, without what would let a framework fill the master's memory: of each
    /// state the latest is kept, and `data` is not (B7). `id` is the task's own.
    pub fn record(&mut self, id: &TaskId, status: &v1::TaskStatus) {
        self.shown.statuses.add(status, id, &self.agent);
    }

    /// The status that was recorded last.
    pub fn last_status(&self, id: &TaskId) -> Option<v1::TaskStatus> {
        self.shown.statuses.last(id, &self.agent)
    }

    /// When its first status was, in seconds since 1970.
    pub fn first_status_at(&self, id: &TaskId) -> Option<f64> {
        self.shown.statuses.first(id, &self.agent)?.timestamp
    }

    /// As the API shows it. Decodes: for readers. `framework` and `id` are the task's own.
    pub fn view(&self, framework: &FrameworkId, id: &TaskId) -> v1::Task {
        v1::Task {
            task_id: id.into(),
            framework_id: framework.into(),
            agent_id: (&self.agent).into(),
            executor_id: self.executor.as_ref().map(Into::into),
            state: self.state,
            statuses: self.shown.statuses.all(id, &self.agent),
            status_update_state: self.told_state,
            status_update_uuid: self.told_uuid.as_ref().map(|uuid| uuid.to_vec().into()),
            ..self.shown.view(&self.resources)
        }
    }
}

/// A task's name for people.
pub fn show(key: &TaskKey) -> String {
    format!("{} of framework {}", key.task_id, key.framework_id)
}

/// The key of a task.
pub fn key(framework: &FrameworkId, task: &TaskId) -> TaskKey {
    TaskKey { framework_id: framework.clone(), task_id: task.clone() }
}
