//! [`Happened`]: what those who follow the cluster are told (A9), as facts of the core.
//!
//! They are made only while the core is watched ([`Core::watch`]), and hold shared values instead
//! of messages, so that the master's thread pays for no more than a few counts: whoever tells them
//! makes the message ([`Happened::event`]), on another thread.

use super::agents::Agent;
use super::effect::Effect;
use super::frameworks::Framework;
use super::queries::{get_agents, get_frameworks, Books, Sums};
use super::shelf::Kept;
use super::snapshot::Snapshot;
use super::tasks::Task;
use super::Core;
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::internal::TaskKey;
use meseta_api::v1;
use meseta_api::v1::master::event::{self, Type};
use meseta_api::v1::master::Event;

/// A fact about an agent, a framework or a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// A task is there: it was launched, or an agent came back with it.
    TaskAdded(TaskKey, Kept<Task>),
    /// A task came to another state.
    TaskUpdated {
        /// Whose.
        framework: FrameworkId,
        /// What was told to its scheduler.
        status: Box<v1::TaskStatus>,
        /// The newest state known.
        state: v1::TaskState,
    },
    /// An agent came into service, and was not known, or given up.
    AgentAdded(AgentId, Kept<Agent>),
    /// An agent was given up, or left.
    AgentRemoved(AgentId),
    /// A framework subscribed for the first time.
    FrameworkAdded(FrameworkId, Box<Snapshot>),
    /// A framework subscribed again, changed what it subscribed with, or its scheduler left.
    FrameworkUpdated(FrameworkId, Box<Snapshot>),
    /// A framework is gone for ever.
    FrameworkRemoved(Kept<Framework>),
}

impl Core {
    /// Whether facts are told from now on.
    pub fn watch(&mut self, watched: bool) {
        self.watched = watched;
    }

    /// Tells a fact, if anybody listens.
    pub(super) fn happened(
        &self,
        fact: impl FnOnce(&Core) -> Option<Happened>,
        out: &mut Vec<Effect>,
    ) {
        if self.watched {
            out.extend(fact(self).map(Effect::Happened));
        }
    }

    /// A task is there.
    pub(super) fn task_added(&self, key: &TaskKey, out: &mut Vec<Effect>) {
        let added = |core: &Core| {
            let task = core.tasks.shelves().get(&key.framework_id)?.get(&key.task_id)?;
            Some(Happened::TaskAdded(key.clone(), task.clone()))
        };
        self.happened(added, out);
    }

    /// A task came to this state, with this status.
    pub(super) fn task_updated(
        &self,
        framework: &FrameworkId,
        status: &v1::TaskStatus,
        state: v1::TaskState,
        out: &mut Vec<Effect>,
    ) {
        let updated = |_: &Core| {
            let (framework, status) = (framework.clone(), Box::new(status.clone()));
            Some(Happened::TaskUpdated { framework, status, state })
        };
        self.happened(updated, out);
    }

    /// An agent came into service.
    pub(super) fn agent_added(&self, id: &AgentId, out: &mut Vec<Effect>) {
        let added =
            |core: &Core| Some(Happened::AgentAdded(id.clone(), core.agents.get(id)?.clone()));
        self.happened(added, out);
    }

    /// A framework subscribed, changed what it subscribed with, or its scheduler left.
    pub(super) fn framework_changed(&self, id: &FrameworkId, first: bool, out: &mut Vec<Effect>) {
        let changed = |core: &Core| {
            let (id, state) = (id.clone(), Box::new(core.snapshot()));
            Some(match first {
                true => Happened::FrameworkAdded(id, state),
                false => Happened::FrameworkUpdated(id, state),
            })
        };
        self.happened(changed, out);
    }
}

impl Happened {
    /// As followers are told; none if the state that it speaks of does not have it.
    pub fn event(&self) -> Option<Event> {
        Some(match self {
            Happened::TaskAdded(key, task) => {
                let task = task.view(&key.framework_id, &key.task_id);
                Event { task_added: Some(event::TaskAdded { task }), ..of(Type::TaskAdded) }
            }
            Happened::TaskUpdated { framework, status, state } => Event {
                task_updated: Some(event::TaskUpdated {
                    framework_id: framework.into(),
                    status: (**status).clone(),
                    state: (*state).into(),
                }),
                ..of(Type::TaskUpdated)
            },
            Happened::AgentAdded(_, agent) => {
                let agent = get_agents::entry(agent, &[]);
                Event { agent_added: Some(event::AgentAdded { agent }), ..of(Type::AgentAdded) }
            }
            Happened::AgentRemoved(id) => Event {
                agent_removed: Some(event::AgentRemoved { agent_id: id.into() }),
                ..of(Type::AgentRemoved)
            },
            Happened::FrameworkAdded(id, state) => {
                let framework = shown(id, state)?;
                let added = Some(event::FrameworkAdded { framework });
                Event { framework_added: added, ..of(Type::FrameworkAdded) }
            }
            Happened::FrameworkUpdated(id, state) => {
                let framework = shown(id, state)?;
                let updated = Some(event::FrameworkUpdated { framework });
                Event { framework_updated: updated, ..of(Type::FrameworkUpdated) }
            }
            Happened::FrameworkRemoved(framework) => {
                let framework_info = framework.info.clone();
                let removed = Some(event::FrameworkRemoved { framework_info });
                Event { framework_removed: removed, ..of(Type::FrameworkRemoved) }
            }
        })
    }
}

fn shown(
    id: &FrameworkId,
    state: &Snapshot,
) -> Option<v1::master::response::get_frameworks::Framework> {
    let books = Books::of(state, &mut Sums::default());
    Some(get_frameworks::present(id, state.frameworks.get(id)?, &books))
}

fn of(kind: Type) -> Event {
    Event { r#type: Some(kind.into()), ..Default::default() }
}
