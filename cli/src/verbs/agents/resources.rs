//! `meseta agents reserve`, `unreserve`, `create-volume`, `destroy-volume`: one call each (MOP-17,
//! MOP-18). They apply to what no task uses.

use super::{command, find_agent, id};
use crate::client::{Cluster, ClusterArgs};
use crate::confirm::{ConfirmArgs, DECLINED};
use crate::exit;
use crate::verbs::print;
use anyhow::bail;
use meseta_api::resources::Resources;
use meseta_api::v1;
use meseta_api::v1::master::call::{self, Type};
use meseta_api::v1::master::Call;
use meseta_api::v1::resource::{disk_info, DiskInfo, ReservationInfo};

/// For whom.
#[derive(Debug, clap::Args)]
struct Owner {
    /// The role whose frameworks are offered it
    #[arg(long)]
    role: String,
    /// Whose reservation it is; without it nobody's in particular
    #[arg(long)]
    principal: Option<String>,
}

/// Reserve resources of an agent for a role.
#[derive(Debug, clap::Args)]
pub(super) struct Reserve {
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    owner: Owner,
    /// Which agent
    agent: String,
    /// What, unreserved so far: cpus:2;mem:512
    resources: Resources,
}

/// Take a reservation back.
#[derive(Debug, clap::Args)]
pub(super) struct Unreserve {
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    owner: Owner,
    /// Which agent
    agent: String,
    /// What: cpus:2;mem:512
    resources: Resources,
}

/// Make a persistent volume of reserved disk space.
#[derive(Debug, clap::Args)]
pub(super) struct CreateVolume {
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    owner: Owner,
    /// Where tasks find it in their sandbox, unless they say otherwise
    #[arg(long, default_value = "volume")]
    container_path: String,
    /// Which agent
    agent: String,
    /// Its name, of which the agent has one per role
    volume: String,
    /// How large, in megabytes
    megabytes: f64,
}

/// Destroy a persistent volume and all that is in it.
#[derive(Debug, clap::Args)]
pub(super) struct DestroyVolume {
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    /// The role that it is reserved for
    #[arg(long)]
    role: String,
    /// Which agent
    agent: String,
    /// Its name
    volume: String,
}

impl Owner {
    fn of(&self, resources: &Resources) -> Vec<v1::Resource> {
        let mut all = resources.to_v1();
        for resource in &mut all {
            resource.reservations.push(ReservationInfo {
                r#type: Some(v1::resource::reservation_info::Type::Dynamic.into()),
                role: Some(self.role.clone()),
                principal: self.principal.clone(),
                labels: None,
            });
        }
        all
    }
}

impl Reserve {
    pub(super) fn main(self) -> anyhow::Result<u8> {
        let Reserve { cluster, owner, agent, resources } = self;
        let reserved = owner.of(&resources);
        let call = |agent_id| Call {
            r#type: Some(Type::ReserveResources.into()),
            reserve_resources: Some(call::ReserveResources {
                agent_id,
                source: vec![],
                resources: reserved,
            }),
            ..Default::default()
        };
        command(&cluster, &agent, call, |agent| {
            format!("{resources} of {} is being reserved for {}\n", agent.id, owner.role)
        })
    }
}

impl Unreserve {
    pub(super) fn main(self) -> anyhow::Result<u8> {
        let Unreserve { cluster, owner, agent, resources } = self;
        let reserved = owner.of(&resources);
        let call = |agent_id| Call {
            r#type: Some(Type::UnreserveResources.into()),
            unreserve_resources: Some(call::UnreserveResources { agent_id, resources: reserved }),
            ..Default::default()
        };
        command(&cluster, &agent, call, |agent| {
            format!("{resources} of {} is being unreserved\n", agent.id)
        })
    }
}

impl CreateVolume {
    pub(super) fn main(self) -> anyhow::Result<u8> {
        let CreateVolume { cluster, owner, container_path, agent, volume, megabytes } = self;
        let space = Resources::parse(&format!("disk:{megabytes}"))?;
        let mut volumes = owner.of(&space);
        for resource in &mut volumes {
            resource.disk = Some(DiskInfo {
                persistence: Some(disk_info::Persistence {
                    id: volume.clone(),
                    principal: owner.principal.clone(),
                }),
                volume: Some(v1::Volume {
                    container_path: container_path.clone(),
                    mode: v1::volume::Mode::Rw.into(),
                    ..Default::default()
                }),
                source: None,
            });
        }
        let call = |agent_id| Call {
            r#type: Some(Type::CreateVolumes.into()),
            create_volumes: Some(call::CreateVolumes { agent_id, volumes }),
            ..Default::default()
        };
        command(&cluster, &agent, call, |agent| {
            format!("volume {volume} of {} is being made\n", agent.id)
        })
    }
}

impl DestroyVolume {
    pub(super) fn main(self) -> anyhow::Result<u8> {
        let DestroyVolume { cluster, confirm, role, agent, volume } = self;
        libproc::run(async {
            let cluster = Cluster::open(&cluster).await?;
            let agent = find_agent(&cluster, &agent).await?;
            let agents = cluster.query(Type::GetAgents).await?.get_agents.unwrap_or_default();
            let mut agents = agents.agents.into_iter();
            let of = agents.find(|of| of.agent_info.id.as_ref() == Some(&id(&agent)));
            let total = Resources::from_v1(&of.map(|of| of.total_resources).unwrap_or_default())?;
            let found = total.filter(|entry| {
                entry.persistence_id().is_some_and(|id| id.as_str() == volume)
                    && entry.reserved_for().is_some_and(|of| of.as_str() == role)
            });
            if found.is_empty() {
                bail!("agent {} has no volume {volume} of role {role}", agent.id);
            }
            let question = format!("destroy volume {volume} of {} and its data?", agent.id);
            if !confirm.ask(&question)? {
                return Ok(DECLINED);
            }
            let destroy = call::DestroyVolumes { agent_id: id(&agent), volumes: found.to_v1() };
            cluster
                .command(Call {
                    r#type: Some(Type::DestroyVolumes.into()),
                    destroy_volumes: Some(destroy),
                    ..Default::default()
                })
                .await?;
            print(&format!("volume {volume} of {} is being destroyed\n", agent.id))?;
            Ok(exit::OK)
        })
    }
}
