//! The master's decisions, pure: no clock, no randomness, no I/O, no engine.
//!
//! State: agents, frameworks, tasks, offers and what waits for a durable write, all in [`Core`].
//! Fed by the master's process with one [`Event`] at a time; [`Core::check`] says yes with a
//! [`Plan`] or no with a [`Rejection`] and changes nothing; [`Core::commit`] cannot fail, changes
//! the state and returns [`Effect`]s in the order in which they must be carried out.
//!
//! Read `event.rs` for what can happen, `effect.rs` for what comes out, then one folder per
//! family: `agents/`, `frameworks/`, `calls/` (what schedulers ask), `queries/` (what operators
//! ask), `validation/`. State machines: `agents/state.rs`, `frameworks/state.rs`, `tasks/life.rs`.
//! Where the core starts from a registry: `recover.rs`. What always holds: `invariants.rs`.

pub mod agents;
mod allocation;
pub mod calls;
pub mod config;
pub mod counters;
pub mod effect;
pub mod event;
mod explain;
pub mod foresee;
pub mod frameworks;
pub mod gauges;
pub mod happened;
pub mod ids;
mod invariants;
mod ledger;
pub mod maintenance;
pub mod memo;
pub mod offers;
pub mod operations;
pub mod operator;
mod origin;
pub mod plan;
pub mod queries;
pub mod quota;
mod recover;
mod say;
mod send;
pub mod shelf;
pub mod snapshot;
pub mod tallies;
pub mod tasks;
mod validation;
pub mod weights;
mod writes;

pub use config::{Config, Identity, RemovalRate};
pub use effect::{CallAnswer, Effect, Note};
pub use event::{Caller, Channel, ConnectionId, Event, Moment, RequestId, TimerKey, WriteId};
pub(crate) use frameworks::subscribe::check_claims;
pub(crate) use operations::operator::is_one as is_operation;
pub use origin::Origin;
pub use plan::{Ignored, Plan, Rejection};
pub use snapshot::Snapshot;

use crate::registrar::registry::GoneAgentRecord;
use agents::pace::Turns;
use agents::{Agent, AgentConnection};
use allocation::Told;
use calls::asked::Asked;
use counters::Counters;
use frameworks::{Completed, Framework};
use ids::NextIds;
use maintenance::Maintenance;
use meseta_api::ids::{AgentId, FrameworkId};
use offers::Offers;
use operations::Operations;
use origin::Origins;
use quota::Quotas;
use shelf::{Kept, Shelf};
use std::collections::{BTreeMap, BTreeSet};
use tallies::Tallies;
use tasks::forget::Unreachable;
use tasks::Tasks;
use weights::Weights;
use writes::Write;

/// A leading master's whole state. It exists only while its master leads and its registry is
/// recovered; a master that does not lead has none.
#[derive(Clone, Debug)]
pub struct Core {
    config: Config,
    identity: Identity,
    agents: Shelf<AgentId, Kept<Agent>>,
    connections: BTreeMap<ConnectionId, AgentConnection>,
    gone: BTreeMap<AgentId, GoneAgentRecord>,
    /// Those among `agents` whose duty is to drain.
    draining: BTreeSet<AgentId>,
    frameworks: Shelf<FrameworkId, Kept<Framework>>,
    subscribers: BTreeMap<ConnectionId, FrameworkId>,
    completed: Completed,
    /// Who has asked about tasks and has not been told of all of them.
    asked: BTreeMap<FrameworkId, Asked>,
    tasks: Tasks,
    unreachable: Unreachable,
    turns: Turns,
    offers: Offers,
    operations: Operations,
    told: Told,
    weights: Weights,
    quotas: Quotas,
    maintenance: Maintenance,
    writes: BTreeMap<WriteId, Write>,
    origins: Origins,
    next_ids: NextIds,
    counters: Counters,
    tallies: Tallies,
    /// Somebody follows what happens.
    watched: bool,
    #[cfg(feature = "plant")]
    drop_subtraction: bool,
    #[cfg(feature = "plant")]
    swallow_end: bool,
}

impl Core {
    /// Validates an event against the present state. Never changes anything; bad input ends here.
    pub fn check(&self, event: Event, at: Moment) -> Result<Plan, Rejection> {
        match event {
            Event::AgentSaid { connection, address, said } => {
                self.check_agent(connection, address, said)
            }
            Event::AgentDisconnected { connection } => Ok(Plan::LoseAgent(connection)),
            Event::SchedulerCalled { caller, call } => self.check_counted(caller, *call, at),
            Event::SubscriberDisconnected { connection } => {
                Ok(self.check_lost_subscriber(connection))
            }
            Event::OperatorAsked { request, asked } => self.check_operator(request, asked, at),
            Event::OffersGranted { grants, applied } => Ok(Plan::Offer { grants, applied }),
            Event::TimerDue(key) => Ok(self.check_timer(key, at)),
            Event::Persisted { write } => Ok(self.check_persisted(write)),
        }
    }

    /// Does what was planned. Effects are to be carried out in their order.
    pub fn commit(&mut self, plan: Plan, at: Moment) -> Vec<Effect> {
        let mut out = Vec::new();
        self.count_plan(&plan);
        self.origins.begin(at.wall);
        self.carry_out(plan, at, &mut out);
        self.origins.end();
        self.finish_drains(at, &mut out);
        self.count_effects(&out);
        self.told.count(&out);
        out
    }

    fn carry_out(&mut self, plan: Plan, at: Moment, out: &mut Vec<Effect>) {
        match plan {
            Plan::Ignore(why) => self.counters.ignore(why),
            Plan::Announce { connection, address } => {
                self.commit_announce(connection, address, out)
            }
            Plan::AskToReregister { connection } => self.commit_ask(connection, out),
            Plan::Reacknowledge { agent } => self.commit_reacknowledge(&agent, out),
            Plan::Register(plan) => self.commit_register(*plan, at, out),
            Plan::Reregister(plan) => self.commit_reregister(*plan, at, out),
            Plan::TakePart(plan) => self.commit_part(*plan, out),
            Plan::LoseAgent(connection) => self.commit_lost_agent(connection, at, out),
            Plan::Depart(plan) => self.commit_depart(plan, at, out),
            Plan::GiveUp(plan) => self.commit_give_up(plan, at, out),
            Plan::GiveUpNext => self.commit_turn(at, out),
            Plan::GiveUpAll(plans) => {
                for plan in plans {
                    self.commit_give_up(plan, at, out);
                }
            }
            Plan::HoldRemovals { missing, admitted } => {
                self.commit_hold(missing, admitted, out);
            }
            Plan::TurnAway { connection, agent, why } => {
                send::warn(format!("agent {agent} came back and is told to end: {why}"), out);
                // It may have been known still when the last leader ended (MNT-05).
                self.leave_down_machine(&agent, at, out);
                self.turn_away(connection, why, out);
            }
            Plan::SetDuty(plan) => self.commit_duty(plan, out),
            Plan::Prune(plan) => self.commit_prune(plan, at, out),
            Plan::Ping(agent) => self.commit_ping(&agent, out),
            Plan::Pong(agent) => self.commit_pong(&agent, out),
            Plan::Update(plan) => self.commit_update(*plan, out),
            Plan::ExecutorExit(plan) => self.commit_exit(plan, out),
            Plan::Relay(plan) => self.commit_relay(plan, out),
            Plan::OperationUpdate(plan) => self.commit_operation_update(*plan, out),
            Plan::Subscribe(plan) => self.commit_subscribe(*plan, at, out),
            Plan::RefuseSubscriber { connection, message } => {
                self.commit_refuse(connection, message, out)
            }
            Plan::LoseSubscriber(framework) => self.commit_disconnect(&framework, at, out),
            Plan::Heartbeat(connection) => self.commit_heartbeat(connection, out),
            Plan::StoreTimeLeft(framework) => self.commit_time_left(&framework, at, out),
            Plan::RemoveFramework { framework, reason, answer } => {
                self.commit_removal(&framework, reason, answer, at, out)
            }
            Plan::Called(called) => self.carry_out(called.plan, at, out),
            Plan::Offer { grants, applied } => {
                let grants = self.standing(grants, applied, out);
                self.commit_grants(grants, at, out);
            }
            Plan::ExpireOffers => self.commit_expiry(at, out),
            Plan::Accept(plan) => self.commit_accept(*plan, out),
            Plan::Decline(plan) => self.commit_decline(plan, out),
            Plan::Roles(plan) => self.commit_roles(plan, out),
            Plan::Kill(plan) => self.commit_kill(plan, out),
            Plan::Acknowledge(plan) => self.commit_acknowledge(plan, out),
            Plan::Ask(plan) => self.commit_questions(plan, at, out),
            Plan::AnswerOn(framework) => self.commit_answers(&framework, at, out),
            Plan::Message(plan) => self.commit_message(plan, out),
            Plan::UpdateFramework(plan) => self.commit_update_framework(*plan, out),
            Plan::UpdateQuota(plan) => self.commit_update_quota(plan, out),
            Plan::UpdateWeights(plan) => self.commit_update_weights(plan, out),
            Plan::SetMaintenance(plan) => self.commit_maintenance(plan, out),
            Plan::AnswerInverse(plan) => self.commit_inverse(plan, at),
            Plan::OfferInverse => self.commit_inverse_due(at, out),
            Plan::OperatorOperation(plan) => self.commit_operator_operation(*plan, out),
            Plan::AcknowledgeOperation(plan) => self.commit_acknowledge_operation(plan, out),
            Plan::ReconcileOperations(plan) => self.commit_reconcile_operations(plan, out),
            Plan::Answer { request, answer } => out.push(Effect::Answer { request, answer }),
            Plan::Finish(write) => self.commit_finish(write, at, out),
        }
    }

    /// What has been counted since this master began to lead.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Frameworks that are not gone for ever.
    pub fn frameworks(&self) -> impl Iterator<Item = (&FrameworkId, &Framework)> {
        self.frameworks.iter().map(|(id, framework)| (id, &**framework))
    }

    /// Who this master is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    fn check_timer(&self, key: TimerKey, at: Moment) -> Plan {
        match key {
            TimerKey::PingDue(connection) => self.check_ping_due(connection),
            TimerKey::AgentReregisterDue(agent) => self.check_reregister_due(agent),
            TimerKey::AgentRemovalDue => self.check_removal_due(),
            TimerKey::RecoveredAgentsDue => self.check_recovered_due(),
            TimerKey::HeartbeatDue(connection) => self.check_heartbeat_due(connection),
            TimerKey::FrameworkFailoverDue(framework) => self.check_failover_due(framework),
            TimerKey::TimeLeftDue(framework) => self.check_time_left_due(framework),
            TimerKey::OfferExpiryDue => Plan::ExpireOffers,
            TimerKey::RegistryPruneDue => self.check_prune(at),
            TimerKey::AnswersDue(framework) => self.check_answers_due(framework),
            TimerKey::InverseOffersDue => Plan::OfferInverse,
        }
    }
}
