//! `meseta frameworks`.

use super::{print_rows, ListArgs};
use crate::client::Cluster;
use crate::exit;
use crate::view::frameworks::rows;
use meseta_api::v1::master::call::Type;

/// List frameworks.
#[derive(Debug, clap::Args)]
pub struct Frameworks {
    #[command(flatten)]
    list: ListArgs,
    /// Also those that have ended
    #[arg(short, long)]
    all: bool,
}

impl Frameworks {
    /// Prints them.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        let response = libproc::run(async {
            let cluster = Cluster::open(&self.list.cluster).await?;
            cluster.query(Type::GetFrameworks).await
        })?;
        let frameworks = response.get_frameworks.unwrap_or_default();
        print_rows(&rows(&frameworks, self.all), self.list.output)?;
        Ok(exit::OK)
    }
}
