//! An agent goes: its connection breaks, it does not come back, it stops answering, it leaves
//! (B13, AG-02, AG-12, AG-13, ME-10, ME-11).
//!
//! A broken connection only suspends it. A departure is written first; only then do schedulers
//! hear of it. That an agent is gone, or forgotten, is decided in `marks.rs` and `prune.rs`.

use super::pace::GiveUpPlan;
use super::state::{AgentState, AgentStep, Departure};
use crate::allocator::event::AllocatorEvent;
use crate::core::effect::Effect;
use crate::core::event::{ConnectionId, Moment, RequestId, TimerKey};
use crate::core::happened::Happened;
use crate::core::plan::{Ignored, Plan};
use crate::core::tasks::causes::Act;
use crate::core::tasks::life::{Life, LifeStep};
use crate::core::tasks::status;
use crate::core::writes::Write;
use crate::core::{say, send, Core};
use crate::registrar::operation::RegistryOperation;
use crate::registrar::registry::{GoneAgentRecord, UnreachableAgentRecord};
use meseta_api::ids::AgentId;
use meseta_api::internal::agent::Order;
use meseta_api::resources::Resources;
use meseta_api::v1::task_status::Reason;
use meseta_api::v1::TaskState;

/// What an agent that an operator marked as gone is told.
pub(super) const GONE: &str = "an operator marked this agent as gone";

/// A departure that is going to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepartPlan {
    /// Who.
    pub agent: AgentId,
    /// Where to.
    pub departure: Departure,
    /// Why, for people: "agent X departs: …".
    pub reason: String,
    /// The operator's question to answer, if one asked.
    pub answer: Option<RequestId>,
}

impl Core {
    /// The re-registration timeout of a disconnected agent.
    pub(in crate::core) fn check_reregister_due(&self, id: AgentId) -> Plan {
        match self.agents.get(&id).map(|agent| &agent.state) {
            Some(AgentState::Disconnected { .. } | AgentState::Recovered) => {
                Plan::GiveUp(GiveUpPlan {
                    agent: id,
                    reason: "it did not come back in time".to_owned(),
                })
            }
            _ => Plan::Ignore(Ignored::StaleTimer),
        }
    }

    /// The re-registration timeout of the agents that the registry knew at the start.
    pub(in crate::core) fn check_recovered_due(&self) -> Plan {
        let of_state = |wanted: fn(&AgentState) -> bool| {
            let agents = self.agents.iter().filter(move |(_, agent)| wanted(&agent.state));
            agents.map(|(id, _)| id.clone())
        };
        let missing: Vec<AgentId> =
            of_state(|state| matches!(state, AgentState::Recovered)).collect();
        let admitted = of_state(|state| !matches!(state, AgentState::Unreachable { .. })).count();
        if missing.is_empty() {
            return Plan::Ignore(Ignored::StaleTimer);
        }
        let share = missing.len() as f64 / admitted as f64;
        if share > self.config.recovery_agent_removal_limit {
            return Plan::HoldRemovals { missing: missing.len(), admitted };
        }
        let plans = missing.into_iter().map(|agent| GiveUpPlan {
            agent,
            reason: "it did not appear under this master in time".to_owned(),
        });
        Plan::GiveUpAll(plans.collect())
    }

    /// More are missing than may be given up at once: says so, and looks again later.
    pub(in crate::core) fn commit_hold(
        &mut self,
        missing: usize,
        admitted: usize,
        out: &mut Vec<Effect>,
    ) {
        send::warn(
            format!("{missing} of {admitted} agents are missing, more than may be given up at once: none is"),
            out,
        );
        out.push(Effect::SetTimer {
            key: TimerKey::RecoveredAgentsDue,
            after: self.config.agent_reregister_timeout,
        });
    }

    pub(in crate::core) fn commit_lost_agent(
        &mut self,
        connection: ConnectionId,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let bound = self.connections.remove(&connection).and_then(|c| c.agent);
        let Some(id) = bound else {
            return self.counters.ignore(Ignored::UnknownConnection);
        };
        let state = self.agents.get(&id).map(|agent| &agent.state);
        if state.and_then(|state| state.connection()) != Some(connection) {
            return self.counters.ignore(Ignored::UnknownConnection);
        }
        if state.is_some_and(AgentState::is_active) {
            self.suspend(&id, out);
        }
        let step = AgentStep::LoseConnection { at: at.now };
        self.step_agent(&id, step, out);
        let state = self.agents.get(&id).map(|agent| &agent.state);
        let disconnected = matches!(state, Some(AgentState::Disconnected { .. }));
        // One that waits to be given up has had its time, and keeps its turn.
        if disconnected && !self.waits_for_turn(&id) {
            self.await_return(&id, out);
        }
    }

    /// No new offers of an agent, and the outstanding ones are taken back.
    pub(super) fn suspend(&mut self, id: &AgentId, out: &mut Vec<Effect>) {
        self.stop_pings(id, out);
        self.rescind_inverse_offers(id, out);
        self.withdraw(id, out);
    }

    /// Takes an agent off the market.
    pub(super) fn withdraw(&mut self, id: &AgentId, out: &mut Vec<Effect>) {
        out.push(Effect::Allocator(AllocatorEvent::AgentDeactivated { id: id.clone() }));
        for offer in self.offers.of_agent(id) {
            self.rescind(&offer, out);
        }
    }

    /// The clock of an agent whose connection broke.
    pub(super) fn await_return(&self, id: &AgentId, out: &mut Vec<Effect>) {
        out.push(Effect::SetTimer {
            key: TimerKey::AgentReregisterDue(id.clone()),
            after: self.config.agent_reregister_timeout,
        });
    }

    fn stop_pings(&self, id: &AgentId, out: &mut Vec<Effect>) {
        let agent = self.agents.get(id);
        if let Some(connection) = agent.and_then(|agent| agent.state.connection()) {
            out.push(Effect::CancelTimer { key: TimerKey::PingDue(connection) });
        }
    }

    /// Sends a departure to the registry. Outstanding offers stay until it is durable; what
    /// accepts one meanwhile is told that the agent cannot take it (B4).
    pub(in crate::core) fn commit_depart(
        &mut self,
        plan: DepartPlan,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let Some(agent) = self.agents.get(&plan.agent) else {
            return;
        };
        let id = plan.agent;
        let hostname = agent.hostname();
        let operation = match plan.departure {
            Departure::Unreachable => RegistryOperation::MarkUnreachable {
                agent: id.clone(),
                record: Box::new(UnreachableAgentRecord { agent: agent.record(), since: at.wall }),
            },
            Departure::Removed | Departure::Forgotten => {
                RegistryOperation::RemoveAgent { agent: id.clone() }
            }
            Departure::Gone => RegistryOperation::MarkGone {
                agent: id.clone(),
                record: GoneAgentRecord { hostname: hostname.to_owned(), since: at.wall },
            },
        };
        let was_active = agent.state.is_active();
        let why = &plan.reason;
        match plan.departure {
            Departure::Unreachable => {
                send::warn(format!("agent {id} at {hostname} is given up: {why}"), out);
            }
            Departure::Removed | Departure::Gone => {
                send::warn(format!("agent {id} at {hostname} is removed: {why}"), out);
            }
            Departure::Forgotten => {
                send::info(format!("agent {id} at {hostname} is forgotten: {why}"), out);
            }
        }
        self.stop_pings(&id, out);
        if was_active {
            out.push(Effect::Allocator(AllocatorEvent::AgentDeactivated { id: id.clone() }));
        }
        out.push(Effect::CancelTimer { key: TimerKey::AgentReregisterDue(id.clone()) });
        self.call_off(&id);
        let (answer, reason) = (plan.answer, plan.reason);
        let then = Write::Departure { agent: id.clone(), answer, reason };
        let write = self.persist(operation, then, out);
        let step = AgentStep::Depart { write, departure: plan.departure };
        self.step_agent(&id, step, out);
    }

    /// The departure is durable: offers, tasks, schedulers and the allocator follow.
    pub(in crate::core) fn finish_departure(
        &mut self,
        id: &AgentId,
        reason: &str,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let state = self.agents.get(id).map(|agent| agent.state.clone());
        let Some(AgentState::Departing { departure, connection, .. }) = state else {
            return;
        };
        if departure == Departure::Unreachable {
            let appeared = self.agents.get(id).is_some_and(|agent| agent.has_appeared());
            self.counters.agents_unreachable += 1;
            self.counters.agents_never_back += u64::from(!appeared);
        }
        for offer in self.offers.of_agent(id) {
            self.rescind(&offer, out);
        }
        self.rescind_inverse_offers(id, out);
        let down = self.agents.get(id).and_then(|agent| {
            let machine = self.maintenance.down(agent.hostname(), &agent.address)?;
            Some(format!("its machine, {machine}, is down for maintenance"))
        });
        if self.agents.get(id).is_some_and(|agent| agent.has_appeared()) {
            out.push(Effect::Allocator(AllocatorEvent::AgentRemoved { id: id.clone() }));
        }
        self.lose_tasks(id, departure, reason, at, out);
        self.lose_operations(id, departure, out);
        if departure != Departure::Forgotten {
            for framework in self.frameworks.keys() {
                self.tell(framework, say::agent_failure(id), out);
            }
            self.happened(|_| Some(Happened::AgentRemoved(id.clone())), out);
        }
        match departure {
            Departure::Unreachable => {
                if let Some(agent) = self.agents.get_mut(id) {
                    agent.address.clear();
                    agent.executors.clear();
                    agent.used = Resources::new();
                    agent.allocated = Resources::new();
                }
                self.step_agent(id, AgentStep::GiveUp { at: at.wall }, out);
            }
            Departure::Removed | Departure::Forgotten | Departure::Gone => {
                self.counters.agents_unregistered += u64::from(departure == Departure::Removed);
                self.draining.remove(id);
                let gone = self.agents.remove(id).filter(|_| departure == Departure::Gone);
                if let Some(agent) = gone {
                    let hostname = agent.hostname().to_owned();
                    let tombstone = GoneAgentRecord { hostname, since: at.wall };
                    self.gone.insert(id.clone(), tombstone);
                    self.counters.agents_gone += 1;
                }
                if let Some(connection) = connection {
                    match (departure, down) {
                        (Departure::Gone, _) => self.turn_away(connection, GONE.to_owned(), out),
                        (_, Some(why)) => self.turn_away(connection, why, out),
                        (_, None) => self.close_agent(connection, out),
                    }
                }
            }
        }
    }

    fn close_agent(&mut self, connection: ConnectionId, out: &mut Vec<Effect>) {
        self.connections.remove(&connection);
        out.push(Effect::CloseAgent { connection });
    }

    /// An agent that is gone for good, or whose machine is down, ends, and what runs there with it
    /// (MNT-04, MNT-05, DR-09).
    pub(in crate::core) fn turn_away(
        &mut self,
        connection: ConnectionId,
        message: String,
        out: &mut Vec<Effect>,
    ) {
        self.order_on(connection, Order::ShutdownAgent { message }, out);
        self.close_agent(connection, out);
    }

    /// What becomes of an agent's tasks. On one that was removed they are LOST, also for
    /// frameworks that are aware of partitions (E8); one that ended keeps its state (AG-12).
    fn lose_tasks(
        &mut self,
        id: &AgentId,
        departure: Departure,
        reason: &str,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let (act, why) = (act(departure), self.why(reason));
        let keys = self.tasks.keys_on_agent(id);
        let frameworks = keys.iter().map(|key| key.framework_id.clone()).collect();
        for key in keys {
            let told = match (self.tasks.get(&key).map(|task| task.life), departure) {
                (Some(Life::Live), Departure::Unreachable) => {
                    Some((TaskState::TaskUnreachable, Reason::AgentRemoved, "agent is unreachable"))
                }
                (Some(Life::Live), Departure::Removed) => {
                    Some((TaskState::TaskLost, Reason::AgentRemoved, "agent was removed"))
                }
                (Some(Life::Live | Life::Unreachable), Departure::Gone) => Some((
                    TaskState::TaskGoneByOperator,
                    Reason::AgentRemovedByOperator,
                    "an operator marked the agent as gone",
                )),
                _ => None,
            };
            if let Some((state, reason, message)) = told {
                self.because(&key, act, &why);
                let mut told = self.made_status(&key, Some(id), state, reason, message, at);
                if departure == Departure::Unreachable {
                    told.unreachable_time = Some(status::time_info(at.wall));
                }
                if let Some(task) = self.tasks.get_mut(&key) {
                    if departure == Departure::Unreachable {
                        task.step(LifeStep::LoseAgent);
                        self.unreachable.push(&key);
                    }
                    task.set_state(told.state());
                    task.record(&key.task_id, &told);
                }
                self.task_updated(&key.framework_id, &told, told.state(), out);
                self.tell(&key.framework_id, say::update(told), out);
            }
            if departure != Departure::Unreachable {
                self.settle(&key);
            }
        }
        self.forget_unreachable(&frameworks);
    }
}

/// What a departure does to tasks.
fn act(departure: Departure) -> Act {
    match departure {
        Departure::Unreachable => Act::AgentLost,
        Departure::Removed | Departure::Forgotten => Act::AgentRemoved,
        Departure::Gone => Act::AgentGone,
    }
}
