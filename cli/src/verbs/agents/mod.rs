//! `meseta agents`: the list, and what is decided about one of them.

mod decide;
pub(super) mod drain;
mod resources;

use super::{list, print, ListArgs};
use crate::agent_name;
use crate::client::{Cluster, ClusterArgs};
use crate::exit;
use crate::view::agents::{rows, AgentRow};
use meseta_api::v1;
use meseta_api::v1::master::call::Type;
use meseta_api::v1::master::Call;

/// List agents, or decide about one.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Agents {
    #[command(subcommand)]
    verb: Option<AgentVerb>,
    #[command(flatten)]
    list: ListArgs,
}

/// What is decided about an agent. It is named by its id, the end of that (`S3`), its host's name,
/// or any beginning of one of these that only one agent has.
#[derive(Debug, clap::Subcommand)]
enum AgentVerb {
    /// List agents; the same as without a verb.
    List(ListArgs),
    /// Kill what runs on an agent, and wait until that is over.
    Drain(drain::Drain),
    /// Offer an agent no longer; its tasks run on.
    Deactivate(decide::Deactivate),
    /// Offer an agent again.
    Reactivate(decide::Reactivate),
    /// Give an agent up for good: its id is refused from then on.
    Gone(decide::Gone),
    /// Reserve resources of an agent for a role.
    Reserve(resources::Reserve),
    /// Take a reservation back.
    Unreserve(resources::Unreserve),
    /// Make a persistent volume of reserved disk space.
    CreateVolume(resources::CreateVolume),
    /// Destroy a persistent volume and all that is in it.
    DestroyVolume(resources::DestroyVolume),
}

impl Agents {
    /// Prints them, or carries out what is decided.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        match self.verb {
            None => list(&self.list, async |cluster| all_agents(cluster).await),
            Some(AgentVerb::List(args)) => list(&args, async |cluster| all_agents(cluster).await),
            Some(AgentVerb::Drain(drain)) => drain.main(),
            Some(AgentVerb::Deactivate(deactivate)) => deactivate.main(),
            Some(AgentVerb::Reactivate(reactivate)) => reactivate.main(),
            Some(AgentVerb::Gone(gone)) => gone.main(),
            Some(AgentVerb::Reserve(reserve)) => reserve.main(),
            Some(AgentVerb::Unreserve(unreserve)) => unreserve.main(),
            Some(AgentVerb::CreateVolume(create)) => create.main(),
            Some(AgentVerb::DestroyVolume(destroy)) => destroy.main(),
        }
    }
}

/// Every agent that the leader lists.
async fn all_agents(cluster: &Cluster) -> anyhow::Result<Vec<AgentRow>> {
    let response = cluster.query(Type::GetAgents).await?;
    Ok(rows(&response.get_agents.unwrap_or_default()))
}

/// The one agent that `text` names.
pub(super) async fn find_agent(cluster: &Cluster, text: &str) -> anyhow::Result<AgentRow> {
    let mut agents = all_agents(cluster).await?;
    let at = agent_name::resolve(text, &agents)?;
    Ok(agents.swap_remove(at))
}

/// Has a call about one agent carried out, and prints what `said` says of it.
fn command(
    cluster: &ClusterArgs,
    agent: &str,
    call: impl FnOnce(v1::AgentId) -> Call,
    said: impl FnOnce(&AgentRow) -> String,
) -> anyhow::Result<u8> {
    libproc::run(async {
        let cluster = Cluster::open(cluster).await?;
        let agent = find_agent(&cluster, agent).await?;
        cluster.command(call(id(&agent))).await?;
        print(&said(&agent))?;
        Ok(exit::OK)
    })
}

/// An agent's id on the wire.
pub(super) fn id(agent: &AgentRow) -> v1::AgentId {
    v1::AgentId { value: agent.id.clone() }
}
