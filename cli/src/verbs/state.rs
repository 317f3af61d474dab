//! `meseta state`.

use super::{print, ShowArgs};
use crate::client::Cluster;
use crate::exit;
use crate::view::DocFormat;
use anyhow::Context;
use meseta_api::codec::Codec;
use meseta_api::v1::master::call::Type;

/// Print all that the leader knows: GET_STATE of the operator API.
#[derive(Debug, clap::Args)]
pub struct State {
    #[command(flatten)]
    show: ShowArgs,
}

impl State {
    /// Prints it; as a table, how many of each there are.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        let response = libproc::run(async {
            let cluster = Cluster::open(&self.show.cluster).await?;
            cluster.query(Type::GetState).await
        })?;
        let state = response.get_state.unwrap_or_default();
        let text = match self.show.output {
            DocFormat::Table => crate::view::state::summary(&state),
            format => {
                let json = Codec::Json.encode(&state);
                let value: serde_json::Value =
                    serde_json::from_slice(&json).context("the state is no JSON")?;
                crate::view::document(&value, format)?
            }
        };
        print(&text)?;
        Ok(exit::OK)
    }
}
