//! What masters say, checked against the term, and the agent's side of the connection.

use super::connection::{LinkEvent, LinkStep};
use super::drain::Drain;
use super::effect::{Effect, Lane, Level};
use super::ids::{DialId, TimerKey};
use super::launch::Wanted;
use super::parts::{in_parts, Reporting};
use super::turn::Turn;
use super::{Agent, Life, Written};
use crate::checkpoint::records::to_json;
use crate::checkpoint::DiskOperation;
use meseta_api::ids::AgentId;
use meseta_api::internal::agent::{FromMaster, Order};
use meseta_api::internal::master::FromAgent;
use meseta_api::term::Term;
use meseta_api::v1;
use std::time::Duration;

/// A master that says no sensible ping timeout gets the reference's: five pings of 15 s.
const PING_TIMEOUT: (u64, u64) = (1_000, 75_000);

impl Agent {
    /// Feeds the connection's machine and does what it says.
    pub(super) fn link(&mut self, event: LinkEvent, turn: &mut Turn<'_>) {
        // One that leaves has said so; it does not register again.
        if self.life != Life::Serving {
            return;
        }
        for step in self.link.step(event, &mut turn.at) {
            self.link_step(step, turn);
        }
    }

    fn link_step(&mut self, step: LinkStep, turn: &mut Turn<'_>) {
        match step {
            LinkStep::DialAfter(after) => turn.set_timer(TimerKey::Redial, after),
            LinkStep::Dial(dial, address) => turn.push(Effect::Dial { dial, address }),
            LinkStep::Drop(dial, why) => turn.push(Effect::Disconnect { dial, why }),
            LinkStep::Arrive(dial, patience) => {
                self.to_master(dial, FromAgent::AgentArrived, turn);
                turn.set_timer(TimerKey::TermOverdue, patience);
            }
            LinkStep::StoreTerm(term) => {
                turn.cancel(TimerKey::TermOverdue);
                let path = self.settings.layout.term();
                let operation = DiskOperation::Write(path, to_json(&term));
                self.persist(Lane::Agent, vec![operation], Written::Term(term), turn);
            }
            LinkStep::Register(dial, term, again) => {
                turn.cancel(TimerKey::TermOverdue);
                turn.set_timer(TimerKey::RegisterAgain, again);
                if !self.reporting.as_mut().is_some_and(|report| report.goes_on(dial)) {
                    self.report(dial, term, turn);
                }
            }
            LinkStep::Registered(ping_timeout) => {
                turn.cancel(TimerKey::RegisterAgain);
                self.refusal = None;
                turn.set_timer(TimerKey::PingOverdue, ping_timeout);
                self.reporting = None;
                for exited in std::mem::take(&mut self.unreported_ends) {
                    if let Some(dial) = self.link.registered() {
                        self.to_master(dial, exited, turn);
                    }
                }
                for forward in self.streams.resume() {
                    self.forward(forward, turn);
                }
                self.tell_operations(turn);
            }
            LinkStep::ExpectPing(within) => turn.set_timer(TimerKey::PingOverdue, within),
            LinkStep::Unregistered => {
                turn.cancel(TimerKey::PingOverdue);
                turn.cancel(TimerKey::UpdatesRested);
                self.streams.pause();
            }
            LinkStep::TermRefused(why) => {
                self.counters.refused_terms += 1;
                turn.note(Level::Error, format!("master refused: {why}"));
            }
        }
    }

    /// Asks to be registered, with all that is here now.
    fn report(&mut self, dial: DialId, term: Term, turn: &mut Turn<'_>) {
        let mut messages = vec![self.registration(term)];
        // The report has none of these any more.
        self.unreported_ends.clear();
        if self.takes_parts == Some(dial) {
            messages = messages.into_iter().flat_map(in_parts).collect();
        }
        let mut reporting = Reporting::new(dial, messages);
        if let Some(first) = reporting.next() {
            self.to_master(dial, first, turn);
        }
        self.reporting = Some(reporting);
    }

    pub(super) fn led_by(&mut self, leader: String, turn: &mut Turn<'_>) {
        self.link.led_by(leader);
        self.link(LinkEvent::LeaderNamed, turn);
    }

    pub(super) fn dial_failed(&mut self, dial: DialId, error: &str, turn: &mut Turn<'_>) {
        if self.link.is_current(dial) {
            turn.note(Level::Warn, format!("no master reached: {error}"));
        }
        self.link(LinkEvent::DialFailed(dial), turn);
    }

    pub(super) fn master_lost(&mut self, dial: DialId, reason: &str, turn: &mut Turn<'_>) {
        if self.link.is_current(dial) {
            turn.note(Level::Warn, format!("connection to the master lost: {reason}"));
        }
        self.link(LinkEvent::Lost(dial), turn);
    }

    pub(super) fn to_master(&self, dial: DialId, message: FromAgent, turn: &mut Turn<'_>) {
        turn.push(Effect::ToMaster { dial, message: Box::new(message) });
    }

    pub(super) fn master_said(&mut self, dial: DialId, message: FromMaster, turn: &mut Turn<'_>) {
        match message {
            FromMaster::AnnounceTerm { term, takes_parts } => {
                if takes_parts && self.link.is_current(dial) {
                    self.takes_parts = Some(dial);
                }
                self.link(LinkEvent::TermAnnounced(dial, term), turn);
            }
            FromMaster::NotLeader { leader } => {
                self.link(LinkEvent::NotLeader(dial, leader), turn);
            }
            FromMaster::Refused { code, message, .. } => {
                self.refused(dial, code, message, turn);
            }
            FromMaster::Order { term, order } if self.link.obeys(dial, term) => {
                self.obey(dial, *order, turn);
            }
            FromMaster::Order { term, .. } => {
                self.counters.refused_orders += 1;
                let text =
                    format!("order under term {term} refused: it is not the acknowledged one");
                turn.note(Level::Warn, text);
            }
        }
    }

    fn obey(&mut self, dial: DialId, order: Order, turn: &mut Turn<'_>) {
        // A master may launch tasks right behind the id that it gives: they wait for the id to be
        // safe. A master that leaves meanwhile will ask for them again.
        let waits = !matches!(order, Order::Registered { .. } | Order::Ping { .. });
        if waits && self.awaits_id() {
            self.early.push((dial, order));
            return;
        }
        match order {
            Order::Registered { agent_id, ping_timeout_ms } => {
                self.registered(dial, agent_id, ping_timeout_ms, turn);
            }
            Order::Reregistered { agent_id, ping_timeout_ms, reconcile, reconcile_operations } => {
                if self.id.as_ref() != Some(&agent_id) {
                    return self.wrong_id(&agent_id, turn);
                }
                // If it still drains, it is told so next.
                self.draining = None;
                self.answered(ping_timeout_ms, turn);
                for task in reconcile {
                    self.reconcile(task, turn);
                }
                for asked in reconcile_operations {
                    self.reconcile_operation(asked, turn);
                }
            }
            Order::ReportPartTaken { number } => {
                let next = self.reporting.as_mut().and_then(|report| report.after(dial, number));
                if let Some(next) = next {
                    self.to_master(dial, next, turn);
                }
            }
            Order::Ping { sequence, connected } => {
                self.to_master(dial, FromAgent::Pong { sequence }, turn);
                self.link(LinkEvent::Pinged(connected), turn);
            }
            Order::RunTask { framework, task, launch_executor } => {
                let (tasks, is_group) = (vec![*task], false);
                self.run(Wanted { framework: *framework, tasks, is_group, launch_executor }, turn);
            }
            Order::RunTaskGroup { framework, tasks, launch_executor } => {
                let is_group = true;
                self.run(Wanted { framework: *framework, tasks, is_group, launch_executor }, turn);
            }
            Order::KillTask { task, kill_policy } => self.kill_task(&task, kill_policy, turn),
            Order::AcknowledgeStatus { task, uuid } => self.acknowledge(&task, &uuid, turn),
            Order::ApplyOperation { operation, framework_id, info } => {
                self.apply_operation(operation, framework_id, *info, turn);
            }
            Order::AcknowledgeOperation { operation, uuid } => {
                self.operation_acknowledged(operation, &uuid, turn);
            }
            Order::ShutdownFramework { framework_id } => {
                self.shutdown_framework(&framework_id, turn);
            }
            Order::UpdateFramework { framework } => self.update_framework(*framework, turn),
            Order::DeliverMessage { framework_id, executor_id, data } => {
                self.deliver_message(&framework_id, &executor_id, data, turn);
            }
            Order::DrainAgent { max_grace_period_ms, mark_gone } => {
                let max_grace_period = max_grace_period_ms.map(Duration::from_millis);
                self.start_drain(Drain { max_grace_period, mark_gone }, turn);
            }
            Order::EndDrain => self.draining = None,
            Order::ShutdownAgent { message } => {
                self.leave(format!("the master told the agent to shut down: {message}"), turn);
            }
        }
    }

    /// The master gave this agent an id, or repeats the one that it gave.
    fn registered(
        &mut self,
        dial: DialId,
        agent_id: AgentId,
        ping_timeout_ms: u64,
        turn: &mut Turn<'_>,
    ) {
        match &self.id {
            Some(id) if *id == agent_id => self.answered(ping_timeout_ms, turn),
            Some(_) => self.wrong_id(&agent_id, turn),
            None => {
                // Answered twice while the first is being written: once is enough.
                if self.awaits_id() {
                    return;
                }
                let mut info = self.info.clone();
                info.id = Some(v1::AgentId::from(&agent_id));
                let path = self.settings.layout.agent_info();
                let operations = vec![DiskOperation::Write(path, to_json(&info))];
                let then = Written::AgentId(Box::new(info), dial, ping_timeout_ms);
                self.persist(Lane::Agent, operations, then, turn);
            }
        }
    }

    /// Whether the id that a master gave is being written. One that has its id awaits none: an
    /// order is not to cost a look at every write under way.
    fn awaits_id(&self) -> bool {
        let mut writes = self.writes.values();
        self.id.is_none() && writes.any(|write| matches!(write, Written::AgentId(..)))
    }

    /// The id is on disk.
    pub(super) fn identified(
        &mut self,
        info: v1::AgentInfo,
        dial: DialId,
        ping_timeout_ms: u64,
        turn: &mut Turn<'_>,
    ) {
        self.id = info.id.as_ref().and_then(|id| AgentId::try_from(id).ok());
        self.info = info;
        if let Some(id) = &self.id {
            turn.note(Level::Info, format!("registered as agent {id}"));
        }
        // Another master may have been found meanwhile: it has yet to answer.
        let early = std::mem::take(&mut self.early);
        if self.link.is_current(dial) {
            self.answered(ping_timeout_ms, turn);
            for (_, order) in early.into_iter().filter(|(from, _)| *from == dial) {
                self.obey(dial, order, turn);
            }
        }
    }

    fn answered(&mut self, ping_timeout_ms: u64, turn: &mut Turn<'_>) {
        let millis =
            if ping_timeout_ms < PING_TIMEOUT.0 { PING_TIMEOUT.1 } else { ping_timeout_ms };
        self.link(LinkEvent::Answered(Duration::from_millis(millis)), turn);
    }

    fn wrong_id(&mut self, theirs: &AgentId, turn: &mut Turn<'_>) {
        let ours = self.id.as_ref().map_or("none", AgentId::as_str);
        let reason = format!("the master registers this agent as {theirs}, but its id is {ours}");
        turn.note(Level::Error, reason.clone());
        turn.push(Effect::ExitNode { reason });
    }
}
