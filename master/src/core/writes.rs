//! Durable writes under way: who goes on when each is done.
//!
//! A write is made by [`Core::persist`](Core), and its consequences are in the family that made
//! it. Writes are done in the order in which they were made.

use super::agents::marks::NextDuty;
use super::agents::prune::Tombstone;
use super::agents::state::AgentState;
use super::calls::update_framework::UpdateFrameworkPlan;
use super::effect::Effect;
use super::event::{Moment, RequestId, WriteId};
use super::frameworks::removal::Removal;
use super::frameworks::state::FrameworkState;
use super::maintenance::MaintenancePlan;
use super::plan::{Ignored, Plan};
use super::quota::QuotaPlan;
use super::weights::WeightsPlan;
use super::{send, Core};
use meseta_api::ids::{AgentId, FrameworkId};

/// Who waits for a write.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Write {
    /// An agent in `Registering`.
    Agent(AgentId),
    /// An agent in `Departing`, and the operator who wanted that.
    Departure {
        /// Which.
        agent: AgentId,
        /// The question to answer.
        answer: Option<RequestId>,
    },
    /// An agent whose next duty this is.
    Duty(NextDuty),
    /// A tombstone is no more.
    Forgotten(Tombstone),
    /// A framework in `Subscribing`.
    Framework {
        /// Which.
        id: FrameworkId,
    },
    /// A subscribed framework that changes its info; it stays as it is until then.
    FrameworkUpdate(Box<UpdateFrameworkPlan>),
    /// A framework in `Removing`, which it never leaves again.
    Removal(Removal),
    /// An operator who set quotas.
    Quota(QuotaPlan),
    /// An operator who changed the maintenance schedule.
    Maintenance(MaintenancePlan),
    /// An operator who set weights.
    Weights(WeightsPlan),
    /// Nobody: what was written was true before.
    Nobody,
}

impl Core {
    fn state_of(&self, agent: &AgentId) -> Option<&AgentState> {
        self.agents.get(agent).map(|agent| &agent.state)
    }

    pub(super) fn check_persisted(&self, write: WriteId) -> Plan {
        if self.writes.contains_key(&write) {
            Plan::Finish(write)
        } else {
            Plan::Ignore(Ignored::UnknownWrite)
        }
    }

    /// Goes on where the write was made, unless its owner has moved on meanwhile.
    pub(super) fn commit_finish(&mut self, write: WriteId, at: Moment, out: &mut Vec<Effect>) {
        match self.writes.remove(&write) {
            Some(Write::Agent(id)) => {
                if let Some(AgentState::Registering { write: of, .. }) = self.state_of(&id) {
                    if *of == write {
                        self.finish_admission(&id, at, out);
                    }
                }
            }
            Some(Write::Departure { agent: id, answer }) => {
                if let Some(AgentState::Departing { write: of, .. }) = self.state_of(&id) {
                    if *of == write {
                        self.finish_departure(&id, at, out);
                    }
                }
                send::accepted(answer, out);
            }
            Some(Write::Duty(next)) => self.finish_duty(next, out),
            Some(Write::Forgotten(tombstone)) => self.finish_forgetting(&tombstone),
            Some(Write::Framework { id }) => {
                if let Some(FrameworkState::Subscribing { write: of, .. }) =
                    self.frameworks.get(&id).map(|framework| &framework.state)
                {
                    if *of == write {
                        self.finish_subscription(&id, at, out);
                    }
                }
            }
            Some(Write::FrameworkUpdate(plan)) => self.finish_update_framework(*plan, out),
            Some(Write::Quota(plan)) => self.finish_update_quota(plan, out),
            Some(Write::Maintenance(plan)) => self.finish_maintenance(plan, at, out),
            Some(Write::Weights(plan)) => self.finish_update_weights(plan, out),
            Some(Write::Removal(removal)) => self.finish_removal(removal, at, out),
            Some(Write::Nobody) | None => {}
        }
    }
}
