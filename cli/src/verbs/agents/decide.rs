//! `meseta agents deactivate`, `reactivate`, `gone`: one call each.

use super::{command, find_agent, id};
use crate::client::{Cluster, ClusterArgs};
use crate::confirm::{ConfirmArgs, DECLINED};
use crate::exit;
use crate::verbs::print;
use meseta_api::v1::master::call::{self, Type};
use meseta_api::v1::master::Call;
use meseta_api::v1::AgentId;

/// Offer an agent no longer; its tasks run on.
#[derive(Debug, clap::Args)]
pub(super) struct Deactivate {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Which agent
    agent: String,
}

/// Offer an agent again.
#[derive(Debug, clap::Args)]
pub(super) struct Reactivate {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Which agent
    agent: String,
}

/// Give an agent up for good: its id is refused from then on.
#[derive(Debug, clap::Args)]
pub(super) struct Gone {
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    /// Which agent; its whole id, if no master lists it any more
    agent: String,
}

impl Deactivate {
    pub(super) fn main(self) -> anyhow::Result<u8> {
        let call = |agent_id| Call {
            r#type: Some(Type::DeactivateAgent.into()),
            deactivate_agent: Some(call::DeactivateAgent { agent_id }),
            ..Default::default()
        };
        command(&self.cluster, &self.agent, call, |agent| {
            format!("{} at {} is deactivated\n", agent.id, agent.hostname)
        })
    }
}

impl Reactivate {
    pub(super) fn main(self) -> anyhow::Result<u8> {
        let call = |agent_id| Call {
            r#type: Some(Type::ReactivateAgent.into()),
            reactivate_agent: Some(call::ReactivateAgent { agent_id }),
            ..Default::default()
        };
        command(&self.cluster, &self.agent, call, |agent| {
            format!("{} at {} is in service\n", agent.id, agent.hostname)
        })
    }
}

impl Gone {
    pub(super) fn main(self) -> anyhow::Result<u8> {
        libproc::run(async {
            let cluster = Cluster::open(&self.cluster).await?;
            // An unreachable agent is in no list: its id is taken as it is.
            let (id, host) = match find_agent(&cluster, &self.agent).await {
                Ok(agent) => (id(&agent), format!(" at {}", agent.hostname)),
                Err(_) if self.agent.contains('-') => {
                    (AgentId { value: self.agent.clone() }, String::new())
                }
                Err(error) => return Err(error),
            };
            let question = format!("give {id}{host} up for good, and what runs there with it?");
            if !self.confirm.ask(&question)? {
                return Ok(DECLINED);
            }
            cluster
                .command(Call {
                    r#type: Some(Type::MarkAgentGone.into()),
                    mark_agent_gone: Some(call::MarkAgentGone { agent_id: id.clone() }),
                    ..Default::default()
                })
                .await?;
            print(&format!("{id}{host} is gone\n"))?;
            Ok(exit::OK)
        })
    }
}
