//! What a DRAIN_AGENT would do.

use super::{quantities, Outlook, MOST};
use crate::core::event::{Moment, RequestId};
use crate::core::plan::{Plan, Rejection};
use crate::core::quota::check::guaranteed;
use crate::core::Core;
use meseta_api::ids::AgentId;
use meseta_api::internal::master::{DrainForeseen, Foreseen, KillForeseen};
use meseta_api::v1::master::call::DrainAgent;
use std::time::Duration;

impl Core {
    pub(super) fn foresee_drain(
        &self,
        call: Option<DrainAgent>,
        at: Moment,
    ) -> Result<Outlook, Rejection> {
        // As if it were asked: what that is refused for, this is.
        let plan = self.check_drain(RequestId(0), call, at)?;
        let (Plan::SetDuty(plan), guaranteed) = (plan, guaranteed(&self.quotas_under_way())) else {
            return Err(Rejection::new(500, "a drain is no duty"));
        };
        let drain = plan.duty.drain();
        let most = drain.and_then(|drain| drain.max_grace_period);
        let killed = self.killed_by_drain(&plan.agent, most);
        let capacity = self.capacity_without(Some(&plan.agent));
        let foreseen = DrainForeseen {
            hostname: self.agents.get(&plan.agent).map_or("", |a| a.hostname()).to_owned(),
            mark_gone: drain.is_some_and(|drain| drain.mark_gone),
            left_out: killed.len().saturating_sub(MOST) as u64,
            killed: killed.into_iter().take(MOST).collect(),
            rescinded: self.offers.of_agent(&plan.agent).len() as u64,
            short: quantities(guaranteed.saturating_sub(&capacity).iter()),
            guaranteed: quantities(guaranteed.iter()),
            capacity: quantities(capacity.iter()),
            agent_id: plan.agent,
        };
        Ok(Outlook { foreseen: Foreseen::Drain(foreseen), events: Vec::new() })
    }

    /// What has not ended, with the time that its agent gives it.
    fn killed_by_drain(&self, agent: &AgentId, most: Option<Duration>) -> Vec<KillForeseen> {
        let running = self.tasks.on_agent(agent).filter(|(_, _, task)| !task.state().is_terminal());
        let kill = |(framework, id, task): (_, _, &crate::core::tasks::Task)| {
            let own = task.view(framework, id).kill_policy.and_then(|policy| policy.grace_period);
            let own = own.and_then(|own| u64::try_from(own.nanoseconds).ok());
            let own = own.map(Duration::from_nanos);
            let grace = match (own, most) {
                (Some(own), Some(most)) => Some(own.min(most)),
                (own, most) => own.or(most),
            };
            KillForeseen {
                framework_id: framework.clone(),
                task_id: id.clone(),
                state: task.state(),
                grace: grace.map(|grace| grace.as_secs_f64()),
            }
        };
        running.map(kill).collect()
    }
}
