//! What the documents are made of: [`View`].

use crate::core::Rejection;
use crate::http::desk::Desk;
use meseta_api::v1::master::call::Type;
use meseta_api::v1::master::response::{
    get_agents, get_executors, get_frameworks, GetMaster, GetState,
};
use meseta_api::v1::master::{Call, Response};
use meseta_api::v1::{AgentInfo, Role, Task};
use std::collections::{BTreeMap, BTreeSet};

/// A leading master's state at one moment.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Who leads.
    pub master: GetMaster,
    /// Agents, frameworks, tasks, executors.
    pub state: GetState,
    /// Roles.
    pub roles: Vec<Role>,
    /// Settings.
    pub flags: BTreeMap<String, String>,
}

impl View {
    pub(crate) fn of(desk: &impl Desk) -> Result<View, Rejection> {
        let ask = |kind: Type| -> Result<Response, Rejection> {
            desk.query(&Call { r#type: Some(kind.into()), ..Default::default() })
        };
        Ok(View {
            master: ask(Type::GetMaster)?.get_master.unwrap_or_default(),
            state: ask(Type::GetState)?.get_state.unwrap_or_default(),
            roles: ask(Type::GetRoles)?.get_roles.unwrap_or_default().roles,
            flags: desk.flags(),
        })
    }

    pub(super) fn agents(&self) -> &[get_agents::Agent] {
        let agents = self.state.get_agents.as_ref();
        agents.map_or(&[], |agents| &agents.agents)
    }

    pub(super) fn recovered_agents(&self) -> &[AgentInfo] {
        let agents = self.state.get_agents.as_ref();
        agents.map_or(&[], |agents| &agents.recovered_agents)
    }

    pub(super) fn frameworks(&self) -> &[get_frameworks::Framework] {
        let frameworks = self.state.get_frameworks.as_ref();
        frameworks.map_or(&[], |frameworks| &frameworks.frameworks)
    }

    pub(super) fn completed_frameworks(&self) -> &[get_frameworks::Framework] {
        let frameworks = self.state.get_frameworks.as_ref();
        frameworks.map_or(&[], |frameworks| &frameworks.completed_frameworks)
    }

    /// Tasks that somebody still has to hear of, unreachable ones, completed ones.
    pub(super) fn tasks(&self) -> [&[Task]; 3] {
        match &self.state.get_tasks {
            Some(all) => [&all.tasks, &all.unreachable_tasks, &all.completed_tasks],
            None => [&[]; 3],
        }
    }

    /// Agents that were given up and on which tasks are remembered.
    pub(super) fn unreachable_agents(&self) -> usize {
        let [_, unreachable, _] = self.tasks();
        let agents: BTreeSet<&str> = unreachable.iter().map(|task| &*task.agent_id.value).collect();
        agents.len()
    }

    pub(super) fn hostname(&self) -> &str {
        let info = self.master.master_info.as_ref();
        info.and_then(|info| info.hostname.as_deref()).unwrap_or("")
    }

    pub(super) fn executors(&self) -> &[get_executors::Executor] {
        let executors = self.state.get_executors.as_ref();
        executors.map_or(&[], |executors| &executors.executors)
    }
}
