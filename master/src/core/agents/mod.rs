//! Agents: [`Agent`], and one file per thing that happens to one.
//!
//! State: the agents by id and the connections that they speak on. Fed by what agents say and by
//! connections that end; emits orders, allocator events, registry operations and updates for
//! schedulers. `state.rs` is the life cycle; `register.rs` and `reregister.rs` bring an agent in,
//! `parts.rs` collects a report that is too large for one message,
//! `merge.rs` takes its report over, `ping.rs`, `pace.rs` and `lost.rs` let it go.

mod domain;
pub mod drain;
pub mod duty;
pub mod info;
pub mod lost;
pub mod marks;
pub mod merge;
pub mod pace;
pub mod parts;
pub mod ping;
pub mod prune;
pub mod register;
pub mod relay;
pub mod reregister;
pub mod state;
pub mod update;

use self::duty::Duty;
use self::info::KeptInfo;
use self::state::AgentState;
use super::effect::Effect;
use super::event::{ConnectionId, TimerKey};
use super::plan::{Ignored, Plan, Rejection};
use super::{send, Core};
use crate::registrar::registry::AgentRecord;
use libproc::Timestamp;
use meseta_api::ids::{AgentId, ExecutorId, FrameworkId};
use meseta_api::internal::agent::{FromMaster, Order};
use meseta_api::internal::master::FromAgent;
use meseta_api::resources::Resources;
use meseta_api::v1;
use std::collections::BTreeMap;

/// One agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    /// As it sent it last, with its id; whole with [`Agent::info`].
    pub kept: KeptInfo,
    /// Meseta's version of it.
    pub version: String,
    /// `ip:port` of its node; empty until it appeared under this leader, and while it is given up.
    pub address: String,
    /// First registration.
    pub registered: Timestamp,
    /// Last return under this leader.
    pub reregistered: Option<Timestamp>,
    /// Where it is in its life.
    pub state: AgentState,
    /// What an operator decided about it.
    pub duty: Duty,
    /// What was decided and is being written: nobody sees it yet but the registry.
    pub next_duty: Option<Duty>,
    /// All that it has, allocated to nobody.
    pub total: Resources,
    /// What its live tasks and its executors hold, allocated to nobody.
    pub used: Resources,
    /// The same with the roles that it is allocated to; for readers.
    pub allocated: Resources,
    /// Its executors that frameworks brought. Those made for a command task belong to the task.
    pub executors: BTreeMap<(FrameworkId, ExecutorId), Executor>,
}

/// The IP address of `ip:port`.
pub(in crate::core) fn ip_of(address: &str) -> &str {
    let ip = address.rsplit_once(':').map_or("", |(ip, _)| ip);
    ip.trim_start_matches('[').trim_end_matches(']')
}

/// An executor that a framework brought; it is charged once, whatever the number of its tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Executor {
    /// As the framework sent it.
    pub info: v1::ExecutorInfo,
    /// What it holds beside its tasks, with allocation roles.
    pub resources: Resources,
}

/// A connection on which an agent arrived.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentConnection {
    /// `ip:port` of the agent's node.
    pub address: String,
    /// Who it proved to be.
    pub agent: Option<AgentId>,
    /// What has come of a report in parts.
    pub parts: Option<Box<parts::Parts>>,
    /// Its pings since the agent came in. Not with the agent, whose changes readers look for.
    pub pings: state::Pings,
}

/// Where an agent listens unless it says otherwise.
const DEFAULT_PORT: i32 = 5051;

impl Agent {
    /// As it sent it last, with its id.
    pub fn info(&self) -> v1::AgentInfo {
        self.kept.whole(&self.total)
    }

    /// Its name among hosts.
    pub fn hostname(&self) -> &str {
        &self.kept.rest.hostname
    }

    /// What the registry is to know of it.
    pub(super) fn record(&self) -> AgentRecord {
        AgentRecord {
            info: self.info(),
            version: self.version.clone(),
            registered: self.registered,
            duty: self.next_duty.as_ref().unwrap_or(&self.duty).clone(),
        }
    }

    /// Whether it may be offered.
    pub(in crate::core) fn is_offered(&self) -> bool {
        self.state.is_active() && self.duty.takes_work()
    }

    /// Whether it came under this leader and was not given up since; the allocator knows no other.
    fn has_appeared(&self) -> bool {
        !self.address.is_empty()
    }

    /// Its IP address as the master sees it.
    pub(in crate::core) fn ip(&self) -> &str {
        ip_of(&self.address)
    }

    /// Its port for people and clients.
    fn port(&self) -> i32 {
        self.kept.rest.port.unwrap_or(DEFAULT_PORT)
    }

    /// Where clients find it, over TLS or without; some dereference every member (Offer.url).
    pub fn url(&self, tls: bool) -> Option<v1::Url> {
        Some(v1::Url {
            scheme: if tls { "https" } else { "http" }.to_owned(),
            address: v1::Address {
                hostname: Some(self.hostname().to_owned()),
                ip: Some(self.ip().to_owned()),
                port: self.port(),
            },
            path: Some("/slave(1)".to_owned()),
            query: vec![],
            fragment: None,
        })
    }

    /// Its name in the reference's notation.
    pub fn pid(&self) -> String {
        format!("slave(1)@{}:{}", self.ip(), self.port())
    }
}

impl Core {
    /// Sorts what an agent says by who may say it: an agent that has no id here may only come in.
    pub(super) fn check_agent(
        &self,
        connection: ConnectionId,
        address: String,
        said: FromAgent,
    ) -> Result<Plan, Rejection> {
        let (term, said) = match said {
            FromAgent::AgentArrived => return Ok(Plan::Announce { connection, address }),
            FromAgent::RegisterAgent { term, .. }
            | FromAgent::ReregisterAgent { term, .. }
            | FromAgent::ReportPart { term, .. }
            | FromAgent::ReregisterInParts { term, .. } => (Some(term), said),
            said => (None, said),
        };
        if term.is_some_and(|term| term != self.identity.term) {
            return Ok(Plan::Announce { connection, address });
        }
        match said {
            FromAgent::RegisterAgent { info, version, .. } => {
                self.check_register(connection, address, *info, version)
            }
            FromAgent::ReregisterAgent {
                info,
                version,
                tasks,
                executors,
                frameworks,
                total,
                operations,
                ..
            } => {
                let report = reregister::RawReport {
                    info: *info,
                    version,
                    address,
                    tasks,
                    executors,
                    frameworks,
                    total,
                    operations,
                };
                self.check_reregister(connection, report)
            }
            FromAgent::ReportPart { number, tasks, executors, frameworks, .. } => {
                let part = parts::Parts::new(tasks, executors, frameworks);
                self.check_part(connection, address, number, part)
            }
            FromAgent::ReregisterInParts { info, version, parts, total, operations, .. } => {
                let parts::Parts { tasks, executors, frameworks, .. } =
                    self.assembled(connection, parts)?;
                let report = reregister::RawReport {
                    info: *info,
                    version,
                    address,
                    tasks,
                    executors,
                    frameworks,
                    total,
                    operations,
                };
                self.check_reregister(connection, report)
            }
            said => self.check_known_agent(connection, address, said),
        }
    }

    /// Who came in on this connection has acknowledged the term; nobody else is told more than
    /// that (Election).
    fn check_known_agent(
        &self,
        connection: ConnectionId,
        address: String,
        said: FromAgent,
    ) -> Result<Plan, Rejection> {
        let known = self.connections.get(&connection);
        let Some(id) = known.and_then(|known| known.agent.clone()) else {
            return Ok(Plan::Announce { connection, address });
        };
        let Some(agent) = self.agents.get(&id) else {
            return Ok(Plan::AskToReregister { connection });
        };
        match &agent.state {
            AgentState::Active { connection: of, .. } if *of == connection => {}
            AgentState::Registering { .. } | AgentState::Departing { .. } => {
                return Ok(Plan::Ignore(Ignored::AgentInTransition))
            }
            _ if matches!(said, FromAgent::Pong { .. }) => {
                return Ok(Plan::Ignore(Ignored::StalePong))
            }
            _ => return Ok(Plan::AskToReregister { connection }),
        }
        match said {
            FromAgent::UpdateStatus(update) => self.check_update(id, *update),
            FromAgent::UpdateOperation(update) => self.check_operation_update(id, *update),
            FromAgent::ExecutorExited { framework_id, executor_id, status } => {
                Ok(Plan::ExecutorExit(relay::ExitPlan {
                    agent: id,
                    framework: framework_id,
                    executor: executor_id,
                    status,
                }))
            }
            FromAgent::RelayMessage { framework_id, executor_id, data } => {
                Ok(self.check_relay(id, framework_id, executor_id, data))
            }
            FromAgent::UnregisterAgent => Ok(Plan::Depart(lost::DepartPlan {
                agent: id,
                departure: state::Departure::Removed,
                reason: "it unregistered".to_owned(),
                answer: None,
            })),
            FromAgent::Pong { sequence } => Ok(self.check_pong(id, sequence)),
            FromAgent::AgentArrived
            | FromAgent::RegisterAgent { .. }
            | FromAgent::ReregisterAgent { .. }
            | FromAgent::ReportPart { .. }
            | FromAgent::ReregisterInParts { .. } => {
                Err(Rejection::bad_request("an agent that is known came in twice"))
            }
        }
    }

    /// First contact: the master says its term and nothing else (Election).
    pub(super) fn commit_announce(
        &mut self,
        connection: ConnectionId,
        address: String,
        out: &mut Vec<Effect>,
    ) {
        self.connections.entry(connection).or_default().address = address;
        let message = FromMaster::AnnounceTerm { term: self.identity.term, takes_parts: true };
        out.push(Effect::ToAgent { connection, message: Box::new(message) });
    }

    pub(super) fn commit_ask(&mut self, connection: ConnectionId, out: &mut Vec<Effect>) {
        let order = Order::Ping { sequence: 0, connected: false };
        self.order_on(connection, order, out);
    }

    /// Changes an agent's state through the gate. A step that cannot be taken is a defect.
    pub(super) fn step_agent(
        &mut self,
        id: &AgentId,
        step: state::AgentStep,
        out: &mut Vec<Effect>,
    ) -> bool {
        let Some(agent) = self.agents.get_mut(id) else {
            return false;
        };
        match agent.state.after(step) {
            Some(state) => {
                agent.state = state;
                true
            }
            None => {
                send::warn(format!("agent {id} was to take an illegal step"), out);
                false
            }
        }
    }

    /// Binds a connection to an agent; its earlier one, if it has another, is closed. To be called
    /// before the agent's state changes.
    pub(super) fn bind_connection(
        &mut self,
        connection: ConnectionId,
        address: &str,
        id: &AgentId,
        out: &mut Vec<Effect>,
    ) {
        let earlier = self.agents.get(id).and_then(|agent| agent.state.connection());
        if let Some(earlier) = earlier.filter(|earlier| *earlier != connection) {
            self.connections.remove(&earlier);
            out.push(Effect::CancelTimer { key: TimerKey::PingDue(earlier) });
            out.push(Effect::CloseAgent { connection: earlier });
        }
        let bound = AgentConnection {
            address: address.to_owned(),
            agent: Some(id.clone()),
            ..AgentConnection::default()
        };
        self.connections.insert(connection, bound);
    }
}
