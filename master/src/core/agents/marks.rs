//! Operators decide about agents: deactivate, reactivate, drain, mark as gone (MOP-21 to MOP-23,
//! MNT-01 to MNT-04).
//!
//! A decision is written first; the operator is answered, and anybody else concerned, when it is
//! durable. Which decision may follow which is in `duty.rs`.

use super::drain;
use super::duty::{Drain, Duty, DutyStep};
use super::lost::DepartPlan;
use super::state::{AgentState, Departure};
use super::Agent;
use crate::allocator::event::AllocatorEvent;
use crate::core::effect::Effect;
use crate::core::event::{Moment, RequestId};
use crate::core::plan::{Plan, Rejection};
use crate::core::writes::Write;
use crate::core::{send, Core};
use crate::registrar::operation::{Kept, RegistryOperation};
use crate::registrar::registry::UnreachableAgentRecord;
use meseta_api::ids::AgentId;
use meseta_api::internal::master::OperatorAnswer;
use meseta_api::v1;
use meseta_api::v1::master::call::{DeactivateAgent, DrainAgent, MarkAgentGone, ReactivateAgent};
use std::time::Duration;

/// A duty that is going to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DutyPlan {
    /// Whose.
    pub agent: AgentId,
    /// The next one.
    pub duty: Duty,
    /// The operator's question to answer, if one asked.
    pub answer: Option<RequestId>,
}

/// What is done when the next duty of an agent is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::core) struct NextDuty {
    agent: AgentId,
    answer: Option<RequestId>,
}

impl Core {
    pub(in crate::core) fn check_deactivate(
        &self,
        request: RequestId,
        call: Option<DeactivateAgent>,
    ) -> Result<Plan, Rejection> {
        let call = present(call, "deactivate_agent")?;
        self.check_duty(request, &call.agent_id, DutyStep::Deactivate)
    }

    pub(in crate::core) fn check_reactivate(
        &self,
        request: RequestId,
        call: Option<ReactivateAgent>,
    ) -> Result<Plan, Rejection> {
        let call = present(call, "reactivate_agent")?;
        self.check_duty(request, &call.agent_id, DutyStep::Reactivate)
    }

    pub(in crate::core) fn check_drain(
        &self,
        request: RequestId,
        call: Option<DrainAgent>,
        at: Moment,
    ) -> Result<Plan, Rejection> {
        let call = present(call, "drain_agent")?;
        let max_grace_period = call.max_grace_period.map(|long| {
            let negative = || {
                Rejection::bad_request("Expecting 'max_grace_period' to be a duration of 0 or more")
            };
            let seconds = u64::try_from(long.seconds.unwrap_or(0)).map_err(|_| negative())?;
            let nanos = u32::try_from(long.nanos.unwrap_or(0)).map_err(|_| negative())?;
            Ok(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into())))
        });
        let drain = Drain {
            max_grace_period: max_grace_period.transpose()?,
            mark_gone: call.mark_gone.unwrap_or(false),
            since: at.wall,
        };
        let agent = self.agents.get(&parse(&call.agent_id)?);
        let scheduled = agent.filter(|agent| self.is_scheduled(agent));
        if scheduled.is_some_and(|agent| !matches!(agent.state, AgentState::Unreachable { .. })) {
            return Err(Rejection::bad_request(
                "the agent's machine is in the maintenance schedule, which says when it goes away",
            ));
        }
        self.check_duty(request, &call.agent_id, DutyStep::Drain(drain))
    }

    fn check_duty(
        &self,
        request: RequestId,
        agent_id: &v1::AgentId,
        step: DutyStep,
    ) -> Result<Plan, Rejection> {
        let id = parse(agent_id)?;
        if self.gone.contains_key(&id) {
            return Err(Rejection::conflict(format!("agent {id} is gone for good")));
        }
        let agent = self.agents.get(&id);
        let agent = agent.ok_or_else(|| Rejection::bad_request(format!("unknown agent {id}")))?;
        settled(&id, agent)?;
        let duty = agent.duty.after(step).ok_or_else(|| {
            Rejection::bad_request(match agent.duty {
                Duty::Draining(_) => format!("agent {id} is draining, which cannot be cancelled"),
                _ => format!("agent {id} is not deactivated"),
            })
        })?;
        Ok(Plan::SetDuty(DutyPlan { agent: id, duty, answer: Some(request) }))
    }

    pub(in crate::core) fn check_mark_gone(
        &self,
        request: RequestId,
        call: Option<MarkAgentGone>,
    ) -> Result<Plan, Rejection> {
        let id = parse(&present(call, "mark_agent_gone")?.agent_id)?;
        if self.gone.contains_key(&id) {
            let answer = Box::new(OperatorAnswer::Accepted);
            return Ok(Plan::Answer { request, answer });
        }
        let agent = self.agents.get(&id);
        let agent = agent.ok_or_else(|| Rejection::not_found(format!("unknown agent {id}")))?;
        settled(&id, agent)?;
        Ok(Plan::Depart(DepartPlan {
            agent: id,
            departure: Departure::Gone,
            reason: "an operator marked it as gone".to_owned(),
            answer: Some(request),
        }))
    }

    /// Sends the next duty of an agent to the registry.
    pub(in crate::core) fn commit_duty(&mut self, plan: DutyPlan, out: &mut Vec<Effect>) {
        let DutyPlan { agent: id, duty, answer } = plan;
        let Some(agent) = self.agents.get_mut(&id) else {
            return;
        };
        agent.next_duty = Some(duty);
        let record = match agent.state {
            AgentState::Unreachable { since } => {
                Kept::Unreachable(Box::new(UnreachableAgentRecord { agent: agent.record(), since }))
            }
            _ => Kept::Admitted(Box::new(agent.record())),
        };
        let operation = RegistryOperation::SetDuty { agent: id.clone(), record };
        self.persist(operation, Write::Duty(NextDuty { agent: id, answer }), out);
    }

    /// The duty is durable: it is obeyed from here on.
    pub(in crate::core) fn finish_duty(&mut self, next: NextDuty, out: &mut Vec<Effect>) {
        let NextDuty { agent: id, answer } = next;
        let Some(agent) = self.agents.get_mut(&id) else {
            return send::refused(answer, Rejection::conflict("the agent was removed"), out);
        };
        let now = agent.next_duty.take().unwrap_or_default();
        let before = std::mem::replace(&mut agent.duty, now.clone());
        let is_active = agent.state.is_active();
        send::info(
            format!("agent {id} at {} is {} from now on", agent.hostname(), name(&now)),
            out,
        );
        match now {
            Duty::Draining(_) => self.draining.insert(id.clone()),
            Duty::InService | Duty::Deactivated | Duty::Drained(_) => self.draining.remove(&id),
        };
        if is_active && before.takes_work() && !now.takes_work() {
            self.withdraw(&id, out);
        }
        if is_active && !before.takes_work() && now.takes_work() {
            out.push(Effect::Allocator(AllocatorEvent::AgentActivated { id: id.clone() }));
        }
        if let Some(order) = drain::order_of_change(&before, &now) {
            self.order(&id, order, out);
        }
        send::accepted(answer, out);
    }
}

fn present<T>(call: Option<T>, field: &str) -> Result<T, Rejection> {
    call.ok_or_else(|| Rejection::bad_request(format!("Expecting '{field}' to be present")))
}

fn parse(id: &v1::AgentId) -> Result<AgentId, Rejection> {
    AgentId::try_from(id).map_err(|error| Rejection::bad_request(error.to_string()))
}

/// Only one write about an agent that an operator decides on is under way at a time, so that the
/// later decision is made on what the earlier one left.
fn settled(id: &AgentId, agent: &Agent) -> Result<(), Rejection> {
    match agent.state {
        AgentState::Departing { departure: Departure::Gone, .. } => {
            Err(Rejection::conflict(format!("agent {id} is being marked as gone")))
        }
        AgentState::Registering { .. } | AgentState::Departing { .. } => {
            Err(Rejection::unavailable(format!("agent {id} is just coming or going; try again")))
        }
        _ if agent.next_duty.is_some() => Err(Rejection::unavailable(format!(
            "another decision about agent {id} is being written; try again"
        ))),
        _ => Ok(()),
    }
}

/// A duty for people.
fn name(duty: &Duty) -> &'static str {
    match duty {
        Duty::InService => "in service",
        Duty::Deactivated => "deactivated",
        Duty::Draining(_) => "draining",
        Duty::Drained(_) => "drained",
    }
}
