//! What always holds between two events (B23, promise 4). Tests and the simulator ask after every
//! step; a leading master may ask too.

use super::agents::state::AgentState;
use super::frameworks::state::FrameworkState;
use super::ledger::merge;
use super::tasks::life::Life;
use super::tasks::{key, show};
use super::Core;
use meseta_api::ids::AgentId;
use meseta_api::resources::Resources;

impl Core {
    /// Every invariant that is broken, as a sentence; empty if the state is sound.
    pub fn check_invariants(&self) -> Vec<String> {
        let mut broken = self.tasks.inconsistencies();
        self.check_books(&mut broken);
        self.check_offers(&mut broken);
        self.check_tasks(&mut broken);
        self.check_streams(&mut broken);
        broken
    }

    /// What is not over, as sentences; empty if every agent is in service or given up, and nobody
    /// has to be told of any task.
    pub fn unsettled(&self) -> Vec<String> {
        let mut left = Vec::new();
        for (id, agent) in &self.agents {
            match agent.state {
                AgentState::Active { .. } if agent.used.is_empty() => {}
                AgentState::Active { .. } => {
                    left.push(format!("{} of agent {id} are used", agent.used))
                }
                AgentState::Unreachable { .. } => {}
                _ => left.push(format!("agent {id} is not in service")),
            }
        }
        let tasks = self.tasks.iter();
        left.extend(tasks.map(|(framework, id, task)| {
            format!("task {} is {:?}", show(&key(framework, id)), task.life)
        }));
        left
    }

    /// Whether an agent is in service.
    pub fn serves(&self, agent: &AgentId) -> bool {
        self.agents.get(agent).is_some_and(|agent| agent.state.is_active())
    }

    /// Offered + used + free = total on each agent, and `used` is the sum of who uses it.
    fn check_books(&self, broken: &mut Vec<String>) {
        for (id, agent) in &self.agents {
            let mut used = Resources::new();
            let mut allocated = Resources::new();
            for resources in self.held_on(id).values() {
                merge(&mut allocated, resources);
                let sum = resources.unallocate().ok().and_then(|r| used.checked_add(&r).ok());
                match sum {
                    Some(sum) => used = sum,
                    None => broken.push(format!("uses of agent {id} have no sum")),
                }
            }
            if used != agent.used {
                broken.push(format!("agent {id} has {} entered as used, {used} are", agent.used));
            }
            if allocated != agent.allocated {
                broken.push(format!(
                    "agent {id} shows {} as allocated, {allocated} is",
                    agent.allocated
                ));
            }
            if self.free(id).is_none() {
                broken.push(format!("agent {id}: offered and used exceed {}", agent.total));
            }
        }
    }

    fn check_offers(&self, broken: &mut Vec<String>) {
        for (id, offer) in self.offers.iter() {
            let framework = self.frameworks.get(&offer.framework).map(|f| &f.state);
            if !matches!(framework, Some(FrameworkState::Connected { .. })) {
                broken.push(format!("offer {id} is of a framework that is not connected"));
            }
            let agent = self.agents.get(&offer.agent).map(|agent| &agent.state);
            if !matches!(agent, Some(AgentState::Active { .. } | AgentState::Departing { .. })) {
                broken.push(format!("offer {id} is of an agent that is not in service"));
            }
        }
    }

    fn check_tasks(&self, broken: &mut Vec<String>) {
        for (framework, id, task) in self.tasks.iter() {
            let name = show(&key(framework, id));
            if !self.frameworks.contains_key(framework) {
                broken.push(format!("task {name} has no framework"));
            }
            let Some(agent) = self.agents.get(&task.agent) else {
                broken.push(format!("task {name} has no agent"));
                continue;
            };
            let unreachable = matches!(agent.state, AgentState::Unreachable { .. });
            if task.life == Life::Live && unreachable {
                broken.push(format!("task {name} is live on an unreachable agent"));
            }
            if task.life == Life::Live && task.state().is_terminal() {
                broken.push(format!("task {name} is live and has ended"));
            }
        }
    }

    fn check_streams(&self, broken: &mut Vec<String>) {
        for (connection, id) in &self.subscribers {
            let state = self.frameworks.get(id).map(|framework| &framework.state);
            let subscriber = state.and_then(|state| state.subscriber());
            if subscriber.map(|subscriber| subscriber.connection) != Some(*connection) {
                broken.push(format!("{connection} is not the stream of framework {id}"));
            }
        }
        for (id, framework) in &self.frameworks {
            if let Some(subscriber) = framework.state.subscriber() {
                if self.subscribers.get(&subscriber.connection) != Some(id) {
                    broken.push(format!("the stream of framework {id} is not known"));
                }
            }
        }
    }
}
