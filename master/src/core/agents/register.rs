//! An agent without an id asks for one (AG-01, B13).
//!
//! Its admission is written first; `Registered` is sent when the write is done. What was reported
//! waits in the agent's state as a [`Report`] meanwhile. Registration and return share that path:
//! `reregister.rs` makes a report with tasks, `merge.rs` takes both over.

use super::duty::Duty;
use super::info::KeptInfo;
use super::lost::DepartPlan;
use super::state::{AgentState, Departure};
use super::{Agent, Executor};
use crate::core::effect::Effect;
use crate::core::event::{ConnectionId, Moment};
use crate::core::operations::Operation;
use crate::core::plan::{Ignored, Plan, Rejection};
use crate::core::shelf::Kept;
use crate::core::writes::Write;
use crate::core::{send, validation, Core};
use crate::registrar::operation::RegistryOperation;
use crate::registrar::registry::AgentRecord;
use libproc::Timestamp;
use meseta_api::ids::{AgentId, ExecutorId, FrameworkId};
use meseta_api::internal::agent::Order;
use meseta_api::internal::{OperationUuid, TaskKey};
use meseta_api::resources::Resources;
use meseta_api::v1;
use meseta_node::loopback::is_loopback;
use std::collections::BTreeMap;

/// Longest hostname that an agent may have, in bytes; the limit of DNS.
const MAX_HOSTNAME_BYTES: usize = 255;

/// What an agent reported about itself, validated.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// How it comes.
    pub origin: Origin,
    /// With its id.
    pub info: v1::AgentInfo,
    /// All that it has, allocated to nobody.
    pub total: Resources,
    /// Meseta's version of it.
    pub version: String,
    /// `ip:port` of its node.
    pub address: String,
    /// Tasks that are not both terminal and acknowledged.
    pub tasks: BTreeMap<TaskKey, ReportedTask>,
    /// Executors that frameworks brought.
    pub executors: BTreeMap<(FrameworkId, ExecutorId), Executor>,
    /// Frameworks of these tasks and executors.
    pub frameworks: BTreeMap<FrameworkId, v1::FrameworkInfo>,
    /// Operations of which somebody still has to hear.
    pub operations: BTreeMap<OperationUuid, Operation>,
}

/// One task of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportedTask {
    /// Its executor, if its framework brought it.
    pub executor: Option<ExecutorId>,
    /// With allocation roles.
    pub resources: Resources,
    /// As reported.
    pub view: v1::Task,
}

/// How an agent comes into service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It had no id.
    New,
    /// It has an id that the registry does not know.
    Unknown,
    /// It was known and not seen under this leader.
    Recovered,
    /// It was in service under this leader.
    Known,
    /// It had been given up.
    Unreachable,
}

/// A registration that is going to be admitted.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisterPlan {
    connection: ConnectionId,
    info: v1::AgentInfo,
    total: Resources,
    version: String,
    address: String,
    /// Agents of the same address whose connection has ended: their process is no more.
    replaced: Vec<AgentId>,
}

/// What an agent says about itself, checked: hostname, resources.
pub(super) fn validate_info(info: &v1::AgentInfo) -> Result<Resources, Rejection> {
    if info.hostname.is_empty() || info.hostname.len() > MAX_HOSTNAME_BYTES {
        return Err(Rejection::bad_request(format!(
            "agent's hostname must have 1 to {MAX_HOSTNAME_BYTES} bytes"
        )));
    }
    validation::info_size("AgentInfo", info).map_err(Rejection::bad_request)?;
    validate_total(&info.resources)
}

/// What an agent says that it has.
pub(super) fn validate_total(resources: &[v1::Resource]) -> Result<Resources, Rejection> {
    let invalid = |error: String| Rejection::bad_request(format!("agent's resources: {error}"));
    let total = Resources::from_v1(resources).map_err(|e| invalid(e.to_string()))?;
    total.unallocate().map_err(|e| invalid(e.to_string()))
}

impl Report {
    /// What of the agent nothing that is reported holds, allocated to nobody.
    pub(super) fn unused(&self) -> Result<Resources, String> {
        let live = self.tasks.values().filter(|task| !task.view.state().is_terminal());
        let executors = self.executors.values().map(|executor| &executor.resources);
        let mut unused = self.total.clone();
        for resources in live.map(|task| &task.resources).chain(executors) {
            let held = resources.unallocate().map_err(|error| error.to_string())?;
            unused.checked_sub_assign(&held).map_err(|error| error.to_string())?;
        }
        Ok(unused)
    }
}

impl Core {
    pub(super) fn check_register(
        &self,
        connection: ConnectionId,
        address: String,
        info: v1::AgentInfo,
        version: String,
    ) -> Result<Plan, Rejection> {
        if let Some(id) = self.connections.get(&connection).and_then(|c| c.agent.clone()) {
            return Ok(match self.agents.get(&id).map(|agent| &agent.state) {
                Some(AgentState::Active { connection: of, .. }) if *of == connection => {
                    Plan::Reacknowledge { agent: id }
                }
                Some(AgentState::Registering { .. } | AgentState::Departing { .. }) => {
                    Plan::Ignore(Ignored::AgentInTransition)
                }
                _ => Plan::AskToReregister { connection },
            });
        }
        if info.id.is_some() {
            return Err(Rejection::bad_request("an agent that has an id must say ReregisterAgent"));
        }
        let total = validate_info(&info)?;
        self.check_domain(&info)?;
        if let Some(machine) = self.maintenance.down(&info.hostname, &address) {
            return Err(Rejection::forbidden(format!(
                "machine {machine} is down for maintenance until STOP_MAINTENANCE"
            )));
        }
        let replaced = self.replaced_at(&address)?;
        Ok(Plan::Register(Box::new(RegisterPlan {
            connection,
            info,
            total,
            version,
            address,
            replaced,
        })))
    }

    /// The agents that a newcomer at this address shows to be no more. One that still has its
    /// connection is there, whoever claims its address: the newcomer is refused.
    fn replaced_at(&self, address: &str) -> Result<Vec<AgentId>, Rejection> {
        let mut replaced = Vec::new();
        if !self.tells_apart(address) {
            return Ok(replaced);
        }
        for (id, agent) in self.agents.iter().filter(|(_, agent)| agent.address == address) {
            match agent.state {
                AgentState::Active { .. } | AgentState::Registering { connection: Some(_), .. } => {
                    return Err(Rejection::conflict(format!(
                        "address {address} is that of agent {id}, which is connected"
                    )))
                }
                AgentState::Disconnected { .. } => replaced.push(id.clone()),
                _ => {}
            }
        }
        Ok(replaced)
    }

    /// Whether no two agents can be at this address: each machine has a loopback of its own.
    fn tells_apart(&self, address: &str) -> bool {
        let mine = self.identity.info.address.as_ref().and_then(|mine| mine.ip.as_deref());
        !address.is_empty() && (!is_loopback(address) || mine.is_some_and(is_loopback))
    }

    pub(in crate::core) fn commit_register(
        &mut self,
        plan: RegisterPlan,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        self.counters.agents_replaced += plan.replaced.len() as u64;
        for agent in plan.replaced {
            let depart = DepartPlan {
                agent,
                departure: Departure::Removed,
                reason: "a new agent registered from its address".to_owned(),
                answer: None,
            };
            self.commit_depart(depart, at, out);
        }
        let id = self.next_ids.agent(&self.identity.master_id);
        let mut info = plan.info;
        info.id = Some((&id).into());
        let report = Report {
            origin: Origin::New,
            info,
            total: plan.total,
            version: plan.version,
            address: plan.address,
            tasks: BTreeMap::new(),
            executors: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            operations: BTreeMap::new(),
        };
        self.admit_new(&id, plan.connection, report, at.wall, out);
    }

    /// Sends the admission of an agent that the registry does not know to the registry.
    pub(super) fn admit_new(
        &mut self,
        id: &AgentId,
        connection: ConnectionId,
        report: Report,
        registered: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        let record = AgentRecord {
            info: report.info.clone(),
            version: report.version.clone(),
            registered,
            duty: Duty::InService,
        };
        let operation =
            RegistryOperation::AdmitAgent { agent: id.clone(), record: Box::new(record) };
        let write = self.persist(operation, Write::Agent(id.clone()), out);
        self.bind_connection(connection, &report.address, id, out);
        let agent = Agent {
            kept: KeptInfo::new(&report.info, &Resources::new()),
            version: report.version.clone(),
            address: report.address.clone(),
            registered,
            reregistered: None,
            state: AgentState::Registering {
                connection: Some(connection),
                write,
                report: Box::new(report),
            },
            duty: Duty::InService,
            next_duty: None,
            total: Resources::new(),
            used: Resources::new(),
            allocated: Resources::new(),
            executors: BTreeMap::new(),
        };
        self.agents.insert(id.clone(), Kept::new(agent));
    }

    /// The admission is durable: the agent comes into service.
    pub(in crate::core) fn finish_admission(
        &mut self,
        id: &AgentId,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let state = self.agents.get(id).map(|agent| agent.state.clone());
        if let Some(AgentState::Registering { connection, report, .. }) = state {
            send::info(
                format!(
                    "agent {id} at {} ({}) is in service",
                    report.info.hostname, report.address
                ),
                out,
            );
            self.take_over(id, connection, *report, at, out);
            let agent = self.agents.get(id);
            let down = agent.is_some_and(|agent| {
                self.maintenance.down(agent.hostname(), &agent.address).is_some()
            });
            // Its machine went down while it came in.
            if down {
                self.leave_down_machine(id, at, out);
            }
        }
    }

    /// Says `Registered` again to an agent that did not hear it.
    pub(in crate::core) fn commit_reacknowledge(&mut self, id: &AgentId, out: &mut Vec<Effect>) {
        let order =
            Order::Registered { agent_id: id.clone(), ping_timeout_ms: self.ping_timeout_ms() };
        self.order(id, order, out);
    }

    /// How long without a ping an agent waits before it looks for its master.
    pub(super) fn ping_timeout_ms(&self) -> u64 {
        let timeout = self.config.ping_interval * self.config.ping_attempts;
        u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)
    }
}
