//! What an agent says for its executors: that one ended (SCH-37), and their messages (SCH-36).
//! Both are best effort: a scheduler that is not connected misses them.

use crate::core::effect::Effect;
use crate::core::plan::{Ignored, Plan};
use crate::core::{say, Core};
use meseta_api::ids::{AgentId, ExecutorId, FrameworkId};
use meseta_api::internal::agent::Order;

/// An executor that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitPlan {
    /// Where.
    pub agent: AgentId,
    /// Whose.
    pub framework: FrameworkId,
    /// Which.
    pub executor: ExecutorId,
    /// Raw wait(2) status.
    pub status: i32,
}

/// Something to pass on.
#[derive(Clone, Debug, PartialEq)]
pub enum RelayPlan {
    /// An executor's message to its scheduler.
    Message {
        /// Where from.
        agent: AgentId,
        /// To whom.
        framework: FrameworkId,
        /// From whom.
        executor: ExecutorId,
        /// Opaque.
        data: Vec<u8>,
    },
    /// An order that answers what the agent said.
    Order {
        /// To whom.
        agent: AgentId,
        /// What.
        order: Box<Order>,
    },
}

impl Core {
    pub(super) fn check_relay(
        &self,
        agent: AgentId,
        framework: FrameworkId,
        executor: ExecutorId,
        data: Vec<u8>,
    ) -> Plan {
        let receiver = self.frameworks.get(&framework);
        if receiver.and_then(|f| f.state.connected()).is_none() {
            return Plan::Ignore(Ignored::UndeliverableMessage);
        }
        Plan::Relay(RelayPlan::Message { agent, framework, executor, data })
    }

    pub(in crate::core) fn commit_relay(&mut self, plan: RelayPlan, out: &mut Vec<Effect>) {
        match plan {
            RelayPlan::Message { agent, framework, executor, data } => {
                self.tell(&framework, say::message(&agent, &executor, data), out)
            }
            RelayPlan::Order { agent, order } => self.order(&agent, *order, out),
        }
    }

    /// Frees what the executor held. One made for a command task held nothing of its own.
    pub(in crate::core) fn commit_exit(&mut self, plan: ExitPlan, out: &mut Vec<Effect>) {
        let ExitPlan { agent, framework, executor, status } = plan;
        let key = (framework.clone(), executor.clone());
        let known = self.agents.get_mut(&agent);
        if let Some(ended) = known.and_then(|known| known.executors.remove(&key)) {
            self.release(&agent, &framework, ended.resources, out);
        }
        self.tell(&framework, say::executor_failure(&agent, &executor, status), out);
    }
}
