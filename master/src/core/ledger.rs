//! The books of each agent: what it has, what is used, what is offered, what is free.
//!
//! `used` is kept as a sum beside the tasks and executors that it is the sum of, and compared with
//! them by `invariants.rs`. A sum that cannot be made means that the books are wrong: the node
//! ends rather than give resources out twice.

use super::effect::Effect;
use super::Core;
use crate::allocator::event::AllocatorEvent;
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::resources::Resources;
use std::collections::BTreeMap;

impl Core {
    /// What of an agent is neither used nor offered; `None` if the agent is unknown or its books
    /// do not balance.
    pub(super) fn free(&self, id: &AgentId) -> Option<Resources> {
        let agent = self.agents.get(id)?;
        let mut free = agent.total.checked_sub(&agent.used).ok()?;
        for offer in self.offers.of_agent(id) {
            let offered = self.offers.get(&offer)?.resources.unallocate().ok()?;
            free.checked_sub_assign(&offered).ok()?;
        }
        Some(free)
    }

    /// Enters resources as used on an agent.
    pub(super) fn charge(&mut self, id: &AgentId, resources: &Resources, out: &mut Vec<Effect>) {
        let Some(agent) = self.agents.get_mut(id) else {
            return;
        };
        let sum = match resources.unallocate() {
            Ok(plain) => agent.used.checked_add(&plain).map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match sum {
            Ok(used) => {
                agent.used = used;
                merge(&mut agent.allocated, resources);
            }
            Err(error) => out.push(unbalanced(id, &error)),
        }
    }

    /// The next release forgets its subtraction: for tests of the invariants.
    #[cfg(feature = "plant")]
    pub fn plant_dropped_subtraction(&mut self) {
        self.drop_subtraction = true;
    }

    /// Strikes resources that were used on an agent and gives them back to the allocator.
    pub(super) fn release(
        &mut self,
        id: &AgentId,
        framework: &FrameworkId,
        resources: Resources,
        out: &mut Vec<Effect>,
    ) {
        if resources.is_empty() {
            return;
        }
        let Some(agent) = self.agents.get_mut(id) else {
            return;
        };
        let rest = match resources.unallocate() {
            Ok(plain) => agent.used.checked_sub(&plain).map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match rest {
            #[cfg(feature = "plant")]
            Ok(_) if std::mem::take(&mut self.drop_subtraction) => {}
            Ok(used) => {
                agent.used = used;
                // Roles are for people to read, and do not decide whether the books balance.
                if let Ok(rest) = agent.allocated.checked_sub(&resources) {
                    agent.allocated = rest;
                }
            }
            Err(error) => return out.push(unbalanced(id, &error)),
        }
        out.push(Effect::Allocator(AllocatorEvent::Recovered {
            framework: framework.clone(),
            agent: id.clone(),
            resources,
            refuse: None,
        }));
    }

    /// What each framework uses on an agent, with allocation roles.
    pub(super) fn held_on(&self, id: &AgentId) -> BTreeMap<FrameworkId, Resources> {
        let mut held: BTreeMap<FrameworkId, Resources> = BTreeMap::new();
        let tasks = self.tasks.on_agent(id);
        let of_tasks = tasks.map(|(framework, _, task)| (framework, task.held()));
        let executors = self.agents.get(id).into_iter().flat_map(|a| &a.executors);
        let of_executors = executors.map(|((framework, _), e)| (framework, e.resources.clone()));
        for (framework, resources) in of_tasks.chain(of_executors) {
            if resources.is_empty() {
                continue;
            }
            let sum = held.entry(framework.clone()).or_default();
            // What does not add up here is found by the invariants, which compare with `used`.
            if let Ok(more) = sum.checked_add(&resources) {
                *sum = more;
            }
        }
        held
    }

    /// Makes an agent's `used` anew from its tasks and executors.
    pub(super) fn recount(&mut self, id: &AgentId, out: &mut Vec<Effect>) {
        let held = self.held_on(id);
        if let Some(agent) = self.agents.get_mut(id) {
            agent.used = Resources::new();
            agent.allocated = Resources::new();
        }
        for resources in held.values() {
            self.charge(id, resources, out);
        }
    }
}

/// Adds for people: a sum that overflows is left as it was.
pub(super) fn merge(sum: &mut Resources, more: &Resources) {
    if let Ok(merged) = sum.checked_merge(more) {
        *sum = merged;
    }
}

pub(super) fn unbalanced(agent: &AgentId, error: &str) -> Effect {
    Effect::ExitNode { reason: format!("resources of agent {agent} do not add up: {error}") }
}
