//! An agent's report becomes the master's view of it (B13, AG-03, AG-06, AG-08, AG-11, AG-16).
//!
//! The agent decides what runs there. What it runs for frameworks that are gone it is told to
//! shut down; what the master believed to run there and the agent did not report it is asked
//! about; frameworks that the master does not know are recovered from the report.

use super::drain;
use super::duty::Duty;
use super::info::KeptInfo;
use super::register::{Origin, Report, ReportedTask};
use super::state::AgentStep;
use crate::allocator::event::AllocatorEvent;
use crate::allocator::AgentTraits;
use crate::core::effect::Effect;
use crate::core::event::{ConnectionId, Moment, TimerKey};
use crate::core::tasks::causes::Act;
use crate::core::tasks::life::{Life, LifeStep};
use crate::core::tasks::{self, status, Task};
use crate::core::{say, send, Core};
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::internal::agent::{AskedOperation, Order};
use meseta_api::internal::TaskKey;
use meseta_api::resources::Resources;
use meseta_api::v1::task_status::Reason;
use meseta_api::v1::{self, TaskState};
use std::collections::BTreeMap;

impl Core {
    /// Brings an agent into service with what it reported.
    pub(super) fn take_over(
        &mut self,
        id: &AgentId,
        connection: Option<ConnectionId>,
        mut report: Report,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let origin = report.origin;
        match origin {
            Origin::New => self.counters.agents_registered += 1,
            Origin::Unknown | Origin::Recovered | Origin::Known | Origin::Unreachable => {
                self.counters.agents_reregistered += 1;
            }
        }
        let before = self.held_on(id);
        let known = self.agents.get(id);
        let was = known.map(|agent| (agent.total.clone(), self.allocator_traits(agent)));
        self.recover_frameworks(&report.frameworks, at, out);
        let mut told = Vec::new();
        let (reconcile, kill) = self.settle_unreported(id, &report, at, &mut told);
        let orders = self.orders_after_return(&report);
        self.take_identity(id, &report, at);
        let ask = self.take_operations(id, std::mem::take(&mut report.operations));
        self.take_executors(id, &report);
        self.take_tasks(id, report.tasks, at, &mut told, out);
        self.recount(id, out);
        self.account(id, origin, &before, was, out);

        let step = match connection {
            Some(connection) => AgentStep::Serve { connection },
            None => AgentStep::ServeLater { at: at.now },
        };
        self.step_agent(id, step, out);
        self.note_draining(id, out);
        if origin != Origin::Known {
            self.agent_added(id, out);
        }
        out.push(Effect::CancelTimer { key: TimerKey::AgentReregisterDue(id.clone()) });
        if connection.is_some() {
            self.greet(id, origin, reconcile, self.asked(id, ask), out);
            for task in kill {
                self.order(id, Order::KillTask { task, kill_policy: None }, out);
            }
            for order in orders {
                self.order(id, order, out);
            }
            self.repeat_drain(id, out);
            self.repeat_kills(id, out);
            self.commit_ping(id, out);
        } else {
            out.push(Effect::Allocator(AllocatorEvent::AgentDeactivated { id: id.clone() }));
            self.await_return(id, out);
        }
        // Also of an agent that has left again: what its report settled is settled.
        for (framework, status) in told {
            self.tell(&framework, say::update(status), out);
        }
    }

    /// The first order to an agent that came in.
    fn greet(
        &self,
        id: &AgentId,
        origin: Origin,
        reconcile: Vec<TaskKey>,
        reconcile_operations: Vec<AskedOperation>,
        out: &mut Vec<Effect>,
    ) {
        let ping_timeout_ms = self.ping_timeout_ms();
        let order = match origin {
            Origin::New => Order::Registered { agent_id: id.clone(), ping_timeout_ms },
            Origin::Unknown | Origin::Recovered | Origin::Known | Origin::Unreachable => {
                Order::Reregistered {
                    agent_id: id.clone(),
                    ping_timeout_ms,
                    reconcile,
                    reconcile_operations,
                }
            }
        };
        self.order(id, order, out);
    }

    /// Tasks that the agent did not report. One that ended was acknowledged; one that was given up
    /// did not survive (AG-16); one that is believed to run is asked about (RC-09), unless what it
    /// was to use is not there: an operation before it was lost. That one is over, and killed in
    /// case that both are still on their way.
    fn settle_unreported(
        &mut self,
        id: &AgentId,
        report: &Report,
        at: Moment,
        told: &mut Vec<(FrameworkId, v1::TaskStatus)>,
    ) -> (Vec<TaskKey>, Vec<TaskKey>) {
        let (mut reconcile, mut kill) = (Vec::new(), Vec::new());
        let mut unused: Option<Resources> = None;
        for key in self.tasks.keys_on_agent(id) {
            if report.tasks.contains_key(&key) {
                continue;
            }
            let fits = self.tasks.get(&key).is_some_and(|task| {
                // It was checked that what is reported fits.
                let all = unused.get_or_insert_with(|| report.unused().unwrap_or_default());
                let held = task.held().unallocate().ok();
                let rest = held.and_then(|held| all.checked_sub(&held).ok());
                rest.map(|rest| *all = rest).is_some()
            });
            match self.tasks.get(&key).map(|task| task.life) {
                Some(Life::Live) if fits => reconcile.push(key),
                Some(life @ (Life::Live | Life::Unreachable)) => {
                    let (state, message) = match life {
                        Life::Live => {
                            kill.push(key.clone());
                            let message = "agent does not have what the task was to use";
                            (TaskState::TaskDropped, message)
                        }
                        _ => (TaskState::TaskGone, "agent came back without it"),
                    };
                    let reason = Reason::Reconciliation;
                    let status = self.made_status(&key, Some(id), state, reason, message, at);
                    if let Some(task) = self.tasks.get_mut(&key) {
                        task.set_state(status.state());
                        task.record(&key.task_id, &status);
                    }
                    told.push((key.framework_id.clone(), status));
                    self.settle(&key);
                }
                Some(Life::Ended | Life::Settled) | None => self.settle(&key),
            }
        }
        (reconcile, kill)
    }

    /// Orders that follow from the frameworks that the agent reported.
    fn orders_after_return(&self, report: &Report) -> Vec<Order> {
        let mut orders = Vec::new();
        for (framework_id, info) in &report.frameworks {
            match self.frameworks.get(framework_id) {
                Some(known) if !known.state.is_leaving() && known.info != *info => {
                    orders.push(Order::UpdateFramework { framework: Box::new(known.info.clone()) });
                }
                _ if self.is_gone(framework_id) => {
                    orders.push(Order::ShutdownFramework { framework_id: framework_id.clone() })
                }
                _ => {}
            }
        }
        orders
    }

    fn take_identity(&mut self, id: &AgentId, report: &Report, at: Moment) {
        if let Some(agent) = self.agents.get_mut(id) {
            agent.kept = KeptInfo::new(&report.info, &report.total);
            agent.version = report.version.clone();
            agent.address = report.address.clone();
            agent.total = report.total.clone();
            if report.origin != Origin::New {
                agent.reregistered = Some(at.wall);
            }
        }
    }

    fn take_executors(&mut self, id: &AgentId, report: &Report) {
        let kept = report
            .executors
            .iter()
            .filter(|((framework, _), _)| !self.is_leaving(framework))
            .map(|(key, executor)| (key.clone(), executor.clone()))
            .collect();
        if let Some(agent) = self.agents.get_mut(id) {
            agent.executors = kept;
        }
    }

    fn take_tasks(
        &mut self,
        id: &AgentId,
        reported: BTreeMap<TaskKey, ReportedTask>,
        at: Moment,
        told: &mut Vec<(FrameworkId, v1::TaskStatus)>,
        out: &mut Vec<Effect>,
    ) {
        for (key, task) in reported {
            if self.is_leaving(&key.framework_id) {
                continue;
            }
            let known = self.tasks.get(&key);
            if known.is_some_and(|known| known.agent != *id) {
                send::warn(
                    format!(
                        "agent {id} reports task {}, which is another agent's",
                        tasks::show(&key)
                    ),
                    out,
                );
                continue;
            }
            let came_back = known.is_some_and(|known| known.life == Life::Unreachable);
            let said_so = known.is_some_and(|known| known.came_back);
            let ended = known.is_some_and(|known| known.life == Life::Ended);
            let kill = known.and_then(|known| known.kill.clone());
            let causes = known.map(|known| known.causes.clone()).unwrap_or_default();
            let mut taken =
                Task::new(&key.task_id, task.view, id.clone(), task.executor, task.resources);
            let mut life = known.map_or(Life::Live, |known| known.life);
            if taken.state().is_terminal() {
                life = life.after(LifeStep::End).unwrap_or(life);
            } else {
                life = life.after(LifeStep::Resume).unwrap_or(life);
            }
            if let (true, Some(known)) = (ended, known) {
                // A terminal state stays, whatever an older report says (AG-12).
                taken.set_state(known.state());
            }
            let state = taken.state();
            taken.life = life;
            taken.kill = kill;
            taken.causes = causes;
            taken.came_back = came_back || said_so;
            let new = known.is_none();
            self.tasks.insert(key.clone(), taken);
            if new {
                self.because(&key, Act::Reported, "");
                self.task_added(&key, out);
            }
            if came_back {
                let status = self.made_status(
                    &key,
                    Some(id),
                    state,
                    Reason::AgentReregistered,
                    "agent came back",
                    at,
                );
                self.task_updated(&key.framework_id, &status, state, out);
                told.push((key.framework_id, status));
            }
        }
    }

    /// Tells the allocator what the agent has and who holds how much of it.
    fn account(
        &self,
        id: &AgentId,
        origin: Origin,
        before: &BTreeMap<FrameworkId, Resources>,
        was: Option<(Resources, AgentTraits)>,
        out: &mut Vec<Effect>,
    ) {
        let Some(agent) = self.agents.get(id) else {
            return;
        };
        let held = self.held_on(id);
        let (total, traits) = (agent.total.clone(), self.allocator_traits(agent));
        if origin != Origin::Known {
            out.push(Effect::Allocator(AllocatorEvent::AgentAdded {
                id: id.clone(),
                total,
                traits,
                used: held.into_iter().collect(),
            }));
            if !agent.duty.takes_work() {
                out.push(Effect::Allocator(AllocatorEvent::AgentDeactivated { id: id.clone() }));
            }
            return;
        }
        for (framework, resources) in before {
            if held.get(framework) != Some(resources) {
                out.push(Effect::Allocator(AllocatorEvent::Recovered {
                    framework: framework.clone(),
                    agent: id.clone(),
                    resources: resources.clone(),
                    refuse: None,
                }));
            }
        }
        if was.is_none_or(|was| was != (total.clone(), traits.clone())) {
            let updated = AllocatorEvent::AgentUpdated { id: id.clone(), total, traits };
            out.push(Effect::Allocator(updated));
        }
        for (framework, resources) in held {
            if before.get(&framework) != Some(&resources) {
                out.push(Effect::Allocator(AllocatorEvent::Allocated {
                    framework,
                    agent: id.clone(),
                    resources,
                }));
            }
        }
        if agent.duty.takes_work() {
            out.push(Effect::Allocator(AllocatorEvent::AgentActivated { id: id.clone() }));
        }
    }

    /// An agent keeps nothing of a drain: it is told again (DR-04, DR-07).
    fn repeat_drain(&self, id: &AgentId, out: &mut Vec<Effect>) {
        if let Some(Duty::Draining(drain)) = self.agents.get(id).map(|agent| &agent.duty) {
            self.order(id, drain::order(drain), out);
        }
    }

    /// Sends again what was asked while the agent was away (B9, AR-21).
    fn repeat_kills(&self, id: &AgentId, out: &mut Vec<Effect>) {
        for (framework, task_id, task) in self.tasks.on_agent(id) {
            if let (Some(kill), Life::Live) = (&task.kill, task.life) {
                let key = tasks::key(framework, task_id);
                let order = Order::KillTask { task: key, kill_policy: kill.policy };
                self.order(id, order, out);
            }
        }
    }

    /// A status made by the master, in the state that its framework may see.
    pub(in crate::core) fn made_status(
        &self,
        key: &TaskKey,
        agent: Option<&AgentId>,
        state: TaskState,
        reason: Reason,
        message: &str,
        at: Moment,
    ) -> v1::TaskStatus {
        let seen = match self.frameworks.get(&key.framework_id) {
            Some(framework) => status::as_seen_by(framework, state),
            None => state,
        };
        status::made(&(&key.task_id).into(), agent, seen, reason, message, at)
    }

    /// A task becomes its framework's history.
    pub(in crate::core) fn settle(&mut self, key: &TaskKey) {
        let Some(mut task) = self.tasks.remove(key) else {
            return;
        };
        task.step(LifeStep::Settle);
        *self.counters.settled.entry(task.state()).or_default() += 1;
        self.tallies.settled(&key.framework_id, task.state());
        if let Some(framework) = self.frameworks.get_mut(&key.framework_id) {
            let limit = self.config.max_completed_tasks_per_framework;
            framework.remember(key.task_id.clone(), task, limit);
        }
    }
}
