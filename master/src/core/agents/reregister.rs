//! An agent that has an id comes (back): after its connection broke, after it was given up, or
//! under a new leader (B13, AG-03 to AG-08, AR-01).
//!
//! Its report is validated whole before anything is taken over. What the registry knows already
//! needs no write; a changed info, a return from unreachable and an unknown id do.

use super::lost::GONE;
use super::register::{validate_info, validate_total, Origin, Report, ReportedTask};
use super::state::{AgentState, AgentStep};
use super::Executor;
use crate::core::effect::Effect;
use crate::core::event::{ConnectionId, Moment};
use crate::core::operations;
use crate::core::plan::{Ignored, Plan, Rejection};
use crate::core::validation;
use crate::core::writes::Write;
use crate::core::Core;
use crate::registrar::operation::RegistryOperation;
use crate::registrar::registry::AgentRecord;
use meseta_api::ids::{AgentId, ExecutorId, FrameworkId, Role, TaskId};
use meseta_api::internal::TaskKey;
use meseta_api::v1;
use std::collections::BTreeMap;

/// A report as it came.
pub(super) struct RawReport {
    pub(super) info: v1::AgentInfo,
    pub(super) version: String,
    pub(super) address: String,
    pub(super) tasks: Vec<v1::Task>,
    pub(super) executors: Vec<v1::ExecutorInfo>,
    pub(super) frameworks: Vec<v1::FrameworkInfo>,
    pub(super) total: Option<Vec<v1::Resource>>,
    pub(super) operations: Vec<v1::Operation>,
}

/// A return that is going to be accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct ReregisterPlan {
    agent: AgentId,
    connection: ConnectionId,
    report: Report,
}

impl Core {
    pub(super) fn check_reregister(
        &self,
        connection: ConnectionId,
        raw: RawReport,
    ) -> Result<Plan, Rejection> {
        let id = match &raw.info.id {
            Some(id) => AgentId::try_from(id).map_err(|e| Rejection::bad_request(e.to_string()))?,
            None => return Err(Rejection::bad_request("ReregisterAgent without an agent id")),
        };
        let bound = self.connections.get(&connection).and_then(|c| c.agent.as_ref());
        if bound.is_some_and(|bound| *bound != id) {
            return Err(Rejection::conflict(format!(
                "this connection is that of another agent than {id}"
            )));
        }
        if self.gone.contains_key(&id) {
            return Ok(Plan::TurnAway { connection, agent: id, why: GONE.to_owned() });
        }
        if let Some(machine) = self.maintenance.down(&raw.info.hostname, &raw.address) {
            let why = format!("its machine, {machine}, is down for maintenance");
            return Ok(Plan::TurnAway { connection, agent: id, why });
        }
        let origin = match self.agents.get(&id).map(|agent| &agent.state) {
            None => Origin::Unknown,
            Some(AgentState::Recovered) => Origin::Recovered,
            Some(AgentState::Active { .. } | AgentState::Disconnected { .. }) => Origin::Known,
            Some(AgentState::Unreachable { .. }) => Origin::Unreachable,
            Some(AgentState::Registering { .. } | AgentState::Departing { .. }) => {
                return Ok(Plan::Ignore(Ignored::AgentInTransition))
            }
        };
        let report = self.parse_report(&id, origin, raw)?;
        check_fits(&id, &report)?;
        Ok(Plan::Reregister(Box::new(ReregisterPlan { agent: id, connection, report })))
    }

    fn parse_report(
        &self,
        id: &AgentId,
        origin: Origin,
        raw: RawReport,
    ) -> Result<Report, Rejection> {
        let bad = |why: String| Rejection::bad_request(why);
        self.check_domain(&raw.info)?;
        let total = match (validate_info(&raw.info)?, raw.total) {
            (said, None) => said,
            (_, Some(total)) => validate_total(&total)?,
        };
        let operations = operations::report::parse(raw.operations)?;
        let mut frameworks = BTreeMap::new();
        let mut roles = BTreeMap::new();
        for info in raw.frameworks {
            let framework = info.id.as_ref().ok_or_else(|| bad("framework without id".into()))?;
            let framework =
                FrameworkId::try_from(framework).map_err(|error| bad(error.to_string()))?;
            validation::info_size("FrameworkInfo", &info).map_err(bad)?;
            let all = validation::framework::roles(&info).map_err(bad)?;
            let role = all.into_iter().next().unwrap_or_default();
            // What the framework's own entry has is shared by all of its tasks.
            let known = self.frameworks.get(&framework).and_then(|known| known.roles.get(&role));
            roles.insert(framework.clone(), known.cloned().unwrap_or(role));
            frameworks.insert(framework, info);
        }
        let fallback = |framework: &FrameworkId| -> Result<Role, Rejection> {
            let known = self.frameworks.get(framework);
            let known = known.map(|known| known.roles.first().cloned().unwrap_or_default());
            roles.get(framework).cloned().or(known).ok_or_else(|| {
                bad(format!("framework {framework} is not among the agent's frameworks"))
            })
        };
        let mut tasks = BTreeMap::new();
        for view in raw.tasks {
            let (key, task) = parse_task(id, view, &fallback)?;
            tasks.insert(key, task);
        }
        let mut executors = BTreeMap::new();
        for info in raw.executors {
            let (key, executor) = parse_executor(info, &fallback)?;
            if !made_for_a_task(&key, &tasks) {
                executors.insert(key, executor);
            }
        }
        Ok(Report {
            origin,
            info: raw.info,
            total,
            version: raw.version,
            address: raw.address,
            tasks,
            executors,
            frameworks,
            operations,
        })
    }

    pub(in crate::core) fn commit_reregister(
        &mut self,
        plan: ReregisterPlan,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let ReregisterPlan { agent: id, connection, report } = plan;
        self.call_off(&id);
        if report.origin == Origin::Known {
            self.suspend(&id, out);
        }
        let Some(agent) = self.agents.get(&id) else {
            return self.admit_new(&id, connection, report, at.wall, out);
        };
        let changed = agent.info() != report.info || agent.version != report.version;
        let record = Box::new(AgentRecord {
            info: report.info.clone(),
            version: report.version.clone(),
            ..agent.record()
        });
        let agent = id.clone();
        let operation = match report.origin {
            Origin::Unreachable => RegistryOperation::MarkReachable { agent, record },
            _ if changed => RegistryOperation::ReadmitAgent { agent, record },
            _ => {
                self.bind_connection(connection, &report.address, &id, out);
                return self.take_over(&id, Some(connection), report, at, out);
            }
        };
        let write = self.persist(operation, Write::Agent(id.clone()), out);
        self.bind_connection(connection, &report.address, &id, out);
        let step = AgentStep::Admit { connection, write, report: Box::new(report) };
        self.step_agent(&id, step, out);
    }
}

/// What runs there must fit in what the agent has.
fn check_fits(id: &AgentId, report: &Report) -> Result<(), Rejection> {
    report
        .unused()
        .map(|_| ())
        .map_err(|error| Rejection::conflict(format!("agent {id} uses more than it has: {error}")))
}

fn parse_task(
    agent: &AgentId,
    view: v1::Task,
    fallback: &impl Fn(&FrameworkId) -> Result<Role, Rejection>,
) -> Result<(TaskKey, ReportedTask), Rejection> {
    let bad = |error: meseta_api::ids::IdError| Rejection::bad_request(error.to_string());
    let framework_id = FrameworkId::try_from(&view.framework_id).map_err(bad)?;
    let task_id = TaskId::try_from(&view.task_id).map_err(bad)?;
    let executor = view.executor_id.as_ref().map(ExecutorId::try_from);
    let executor = executor.transpose().map_err(bad)?;
    if view.agent_id.value != agent.as_str() {
        return Err(Rejection::bad_request(format!(
            "agent {agent} reports task {task_id} of agent {}",
            view.agent_id
        )));
    }
    let role = fallback(&framework_id)?;
    let resources = validation::resources::allocated(&view.resources, &role)
        .map_err(|e| Rejection::bad_request(format!("resources of task {task_id}: {e}")))?;
    let key = TaskKey { framework_id, task_id };
    Ok((key, ReportedTask { executor, resources, view }))
}

fn parse_executor(
    info: v1::ExecutorInfo,
    fallback: &impl Fn(&FrameworkId) -> Result<Role, Rejection>,
) -> Result<((FrameworkId, ExecutorId), Executor), Rejection> {
    let bad = |error: meseta_api::ids::IdError| Rejection::bad_request(error.to_string());
    let executor = ExecutorId::try_from(&info.executor_id).map_err(bad)?;
    let framework = info.framework_id.as_ref();
    let framework =
        framework.ok_or_else(|| Rejection::bad_request("executor without framework id"))?;
    let framework = FrameworkId::try_from(framework).map_err(bad)?;
    let role = fallback(&framework)?;
    let resources = validation::resources::allocated(&info.resources, &role)
        .map_err(|e| Rejection::bad_request(format!("resources of executor {executor}: {e}")))?;
    Ok(((framework, executor), Executor { info, resources }))
}

/// An executor that the agent made for a command task has that task's id and is not named by it;
/// what it holds is the task's.
fn made_for_a_task(
    (framework, executor): &(FrameworkId, ExecutorId),
    tasks: &BTreeMap<TaskKey, ReportedTask>,
) -> bool {
    let Ok(task_id) = TaskId::parse(executor.as_str()) else {
        return false;
    };
    let key = TaskKey { framework_id: framework.clone(), task_id };
    let named = tasks.get(&key).map(|task| task.executor.as_ref());
    named.is_some_and(|named| named.is_none_or(|named| named == executor))
}
