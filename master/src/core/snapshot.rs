//! [`Snapshot`]: the state of a leading master between two events, as readers see it.
//!
//! It shares its blocks with the [`Core`] it was taken of (`shelf.rs`), so that taking it costs a
//! count per block, and it stays as it is on whichever thread it is read. What is not durable yet
//! is in it, and is not shown: `queries/` decides.

use super::agents::Agent;
use super::frameworks::Framework;
use super::offers::Offer;
use super::queries::{self, Books, Sums};
use super::quota::Quotas;
use super::shelf::{Kept, Shelf};
use super::tasks::Task;
use super::weights::Weights;
use super::Core;
use meseta_api::ids::{AgentId, FrameworkId, OfferId, TaskId};
use meseta_api::v1::master::call::Type;
use meseta_api::v1::master::Response;
use std::collections::BTreeMap;

/// The tasks of a framework.
pub type TaskShelf = Shelf<TaskId, Kept<Task>>;

/// What reads need of a master's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Agents.
    pub agents: Shelf<AgentId, Kept<Agent>>,
    /// Frameworks that are not gone for ever.
    pub frameworks: Shelf<FrameworkId, Kept<Framework>>,
    /// The latest of those that are, the latest last.
    pub completed: Vec<(FrameworkId, Kept<Framework>)>,
    /// Tasks that are not settled.
    pub tasks: BTreeMap<FrameworkId, TaskShelf>,
    /// Outstanding offers.
    pub offers: Shelf<OfferId, Kept<Offer>>,
    /// What operators have set: weights,
    pub weights: Weights,
    /// and quotas.
    pub quotas: Quotas,
}

impl Core {
    /// The state now. Costs a count for each block of 64 tasks, agents, frameworks and offers.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            agents: self.agents.clone(),
            frameworks: self.frameworks.clone(),
            completed: self.completed.details.iter().cloned().collect(),
            tasks: self.tasks.shelves().clone(),
            offers: self.offers.shelf().clone(),
            weights: self.weights.clone(),
            quotas: self.quotas.clone(),
        }
    }
}

impl Snapshot {
    /// The response to a call that reads agents, frameworks, executors, tasks or roles; none to
    /// any other.
    pub fn query(&self, call: Type) -> Option<Response> {
        let books = || Books::of(self, &mut Sums::default());
        Some(match call {
            Type::GetAgents => queries::get_agents::response(self, &books()),
            Type::GetFrameworks => queries::get_frameworks::response(self, &books()),
            Type::GetExecutors => queries::get_executors::response(self),
            Type::GetTasks => queries::get_tasks::response(self),
            Type::GetRoles => queries::get_roles::response(self, &books()),
            Type::GetState => queries::get_state::response(self, &books()),
            _ => return None,
        })
    }

    /// Frameworks whose subscription is durable.
    pub fn durable(&self) -> impl Iterator<Item = (&FrameworkId, &Kept<Framework>)> {
        self.frameworks.iter().filter(|(_, framework)| framework.registered.is_some())
    }

    /// All that have settled tasks: those present, and then those gone for ever.
    pub fn with_history(&self) -> impl Iterator<Item = (&FrameworkId, &Kept<Framework>)> {
        let gone = self.completed.iter().map(|(id, framework)| (id, framework));
        self.frameworks.iter().chain(gone)
    }
}
