//! `meseta tasks`.

use super::{print_rows, ListArgs};
use crate::client::Cluster;
use crate::exit;
use crate::view::tasks::rows;
use meseta_api::v1::master::call::Type;

/// List tasks.
#[derive(Debug, clap::Args)]
pub struct Tasks {
    #[command(flatten)]
    list: ListArgs,
    /// Also those that have ended
    #[arg(short, long)]
    all: bool,
}

impl Tasks {
    /// Prints them.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        let response = libproc::run(async {
            let cluster = Cluster::open(&self.list.cluster).await?;
            cluster.query(Type::GetTasks).await
        })?;
        let tasks = response.get_tasks.unwrap_or_default();
        print_rows(&rows(&tasks, self.all), self.list.output)?;
        Ok(exit::OK)
    }
}
