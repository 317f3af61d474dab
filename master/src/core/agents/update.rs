//! A task's status on its way from an agent to its scheduler (B7, AG-09, TS-01, RC-06).
//!
//! It is forwarded first and recorded then. `latest_state` decides about resources, the status
//! itself about what the scheduler was told; the task stays until its terminal status is
//! acknowledged (`calls/acknowledge.rs`).

use crate::core::effect::Effect;
use crate::core::plan::{Ignored, Plan, Rejection};
use crate::core::tasks::life::{may_become, LifeStep};
use crate::core::tasks::{self, status};
use crate::core::{say, Core};
use meseta_api::ids::{AgentId, TaskId};
use meseta_api::internal::agent::Order;
use meseta_api::internal::{StatusUpdate, TaskKey};
use meseta_api::v1::{self, TaskState};

/// Bytes of a status' uuid.
const UUID_BYTES: usize = 16;

/// A status that is going to be forwarded.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdatePlan {
    agent: AgentId,
    key: TaskKey,
    /// In the state that the framework may see.
    status: v1::TaskStatus,
    latest: TaskState,
}

impl Core {
    pub(super) fn check_update(
        &self,
        agent: AgentId,
        update: StatusUpdate,
    ) -> Result<Plan, Rejection> {
        let StatusUpdate { framework_id, mut status, latest_state } = update;
        let task_id = TaskId::try_from(&status.task_id)
            .map_err(|error| Rejection::bad_request(error.to_string()))?;
        if status.agent_id.as_ref().is_none_or(|of| of.value != agent.as_str()) {
            return Err(Rejection::bad_request("status does not carry its agent's id"));
        }
        if status.uuid.as_ref().is_none_or(|uuid| uuid.len() != UUID_BYTES) {
            return Err(Rejection::bad_request("status does not carry a uuid of 16 bytes"));
        }
        let Some(framework) = self.frameworks.get(&framework_id) else {
            if self.is_gone(&framework_id) {
                return Ok(Plan::Relay(super::relay::RelayPlan::Order {
                    agent,
                    order: Box::new(Order::ShutdownFramework { framework_id }),
                }));
            }
            return Ok(Plan::Ignore(Ignored::UpdateOfUnknownFramework));
        };
        status.state = status::as_seen_by(framework, status.state()).into();
        Ok(Plan::Update(Box::new(UpdatePlan {
            agent,
            key: tasks::key(&framework_id, &task_id),
            status,
            latest: status::as_seen_by(framework, latest_state),
        })))
    }

    pub(in crate::core) fn commit_update(&mut self, plan: UpdatePlan, out: &mut Vec<Effect>) {
        #[cfg(feature = "plant")]
        if self.swallowed(&plan, out) {
            return;
        }
        let UpdatePlan { agent, key, status, latest } = plan;
        self.tell(&key.framework_id, say::update(status.clone()), out);
        let task = self.tasks.get_mut(&key).filter(|task| task.agent == agent);
        let Some(task) = task else {
            self.counters.updates_of_unknown_tasks += 1;
            return;
        };
        let held = task.held();
        let moves = task.state() != latest && may_become(task.state(), latest);
        if moves {
            task.set_state(latest);
        }
        task.tell(&key.task_id, &status);
        if latest.is_terminal() && task.step(LifeStep::End) {
            self.release(&agent, &key.framework_id, held, out);
        }
        if moves && latest.is_terminal() {
            self.tallies.ended(&status);
        }
        if moves {
            self.task_updated(&key.framework_id, &status, latest, out);
        }
    }

    /// The next end of a task is acknowledged and not sent on: for tests of the invariants.
    #[cfg(feature = "plant")]
    pub fn plant_swallowed_end(&mut self) {
        self.swallow_end = true;
    }

    #[cfg(feature = "plant")]
    fn swallowed(&mut self, plan: &UpdatePlan, out: &mut Vec<Effect>) -> bool {
        if !plan.status.state().is_terminal() || !std::mem::take(&mut self.swallow_end) {
            return false;
        }
        let held = self.tasks.get(&plan.key).map(|task| task.held()).unwrap_or_default();
        self.release(&plan.agent, &plan.key.framework_id, held, out);
        self.settle(&plan.key);
        let uuid = plan.status.uuid.as_deref().unwrap_or_default().to_vec();
        self.order(&plan.agent, Order::AcknowledgeStatus { task: plan.key.clone(), uuid }, out);
        true
    }
}
