//! `meseta agents`.

use super::{print_rows, ListArgs};
use crate::client::Cluster;
use crate::exit;
use crate::view::agents::rows;
use meseta_api::v1::master::call::Type;

/// List agents.
#[derive(Debug, clap::Args)]
pub struct Agents {
    #[command(flatten)]
    list: ListArgs,
}

impl Agents {
    /// Prints them.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        let response = libproc::run(async {
            let cluster = Cluster::open(&self.list.cluster).await?;
            cluster.query(Type::GetAgents).await
        })?;
        let agents = response.get_agents.unwrap_or_default();
        print_rows(&rows(&agents), self.list.output)?;
        Ok(exit::OK)
    }
}
