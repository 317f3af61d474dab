//! `meseta reservations`.

use super::ListArgs;
use crate::view::reservations::rows;
use meseta_api::v1::master::call::Type;

/// List what is reserved of agents, and volumes there.
#[derive(Debug, clap::Args)]
pub struct Reservations {
    #[command(flatten)]
    list: ListArgs,
}

impl Reservations {
    /// Prints them.
    pub fn main(self) -> anyhow::Result<u8> {
        super::list(&self.list, async |cluster| {
            let response = cluster.query(Type::GetAgents).await?;
            Ok(rows(&response.get_agents.unwrap_or_default()))
        })
    }
}
