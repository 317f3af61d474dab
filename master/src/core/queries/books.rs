//! [`Books`]: who is offered what, and what each framework uses over all agents, at one moment.
//!
//! A framework's use is a sum over its tasks and executors; it is made of sums over blocks, which
//! [`Sums`] keeps from one reading to the next.

use crate::core::agents::Agent;
use crate::core::ledger::merge;
use crate::core::memo::Memo;
use crate::core::offers::Offer;
use crate::core::shelf::{Block, Kept};
use crate::core::snapshot::Snapshot;
use crate::core::tasks::Task;
use meseta_api::ids::{AgentId, FrameworkId, OfferId, TaskId};
use meseta_api::resources::Resources;
use std::collections::BTreeMap;

/// What each framework's executors hold.
type Held = Vec<(FrameworkId, Resources)>;

/// Sums over blocks that did not change.
#[derive(Default)]
pub struct Sums {
    tasks: Memo<Block<TaskId, Kept<Task>>, Resources>,
    executors: Memo<Block<AgentId, Kept<Agent>>, Held>,
}

impl Sums {
    /// Forgets blocks that are gone.
    pub fn sweep(&mut self) {
        self.tasks.sweep();
        self.executors.sweep();
    }
}

/// An offer and its id.
pub type Offering<'a> = (&'a OfferId, &'a Kept<Offer>);

/// What belongs to whom.
pub struct Books<'a> {
    of_agent: BTreeMap<&'a AgentId, Vec<Offering<'a>>>,
    of_framework: BTreeMap<&'a FrameworkId, Vec<Offering<'a>>>,
    used: BTreeMap<FrameworkId, Resources>,
}

impl<'a> Books<'a> {
    /// Of a state.
    pub fn of(state: &'a Snapshot, sums: &mut Sums) -> Self {
        let mut books = Books {
            of_agent: BTreeMap::new(),
            of_framework: BTreeMap::new(),
            used: BTreeMap::new(),
        };
        for (id, offer) in &state.offers {
            books.of_agent.entry(&offer.agent).or_default().push((id, offer));
            books.of_framework.entry(&offer.framework).or_default().push((id, offer));
        }
        for (framework, tasks) in &state.tasks {
            let mut used = Resources::new();
            for block in tasks.blocks() {
                merge(&mut used, &sums.tasks.of(block, of_tasks));
            }
            books.used.insert(framework.clone(), used);
        }
        for block in state.agents.blocks() {
            for (framework, held) in sums.executors.of(block, of_executors) {
                merge(books.used.entry(framework).or_default(), &held);
            }
        }
        books
    }

    /// The offers of an agent.
    pub fn of_agent(&self, agent: &AgentId) -> &[Offering<'a>] {
        self.of_agent.get(agent).map_or(&[], Vec::as_slice)
    }

    /// The offers that a framework has.
    pub fn of_framework(&self, framework: &FrameworkId) -> &[Offering<'a>] {
        self.of_framework.get(framework).map_or(&[], Vec::as_slice)
    }

    /// What a framework uses, over all agents; for people.
    pub fn used(&self, framework: &FrameworkId) -> Resources {
        self.used.get(framework).cloned().unwrap_or_default()
    }
}

/// What these offers are of; for people.
pub fn offered(offers: &[Offering<'_>]) -> Resources {
    let mut sum = Resources::new();
    for (_, offer) in offers {
        merge(&mut sum, &offer.resources);
    }
    sum
}

fn of_tasks(block: &Block<TaskId, Kept<Task>>) -> Resources {
    let mut sum = Resources::new();
    for (_, task) in block {
        merge(&mut sum, &task.held());
    }
    sum
}

fn of_executors(block: &Block<AgentId, Kept<Agent>>) -> Held {
    let mut sums: BTreeMap<&FrameworkId, Resources> = BTreeMap::new();
    for (_, agent) in block {
        for ((framework, _), executor) in &agent.executors {
            merge(sums.entry(framework).or_default(), &executor.resources);
        }
    }
    sums.into_iter().map(|(id, sum)| (id.clone(), sum)).collect()
}
