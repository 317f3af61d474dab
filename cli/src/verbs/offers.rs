//! `meseta offers`.

use super::ListArgs;
use crate::view::offers::rows;
use meseta_api::v1::master::call::Type;

/// List the offers that frameworks have not answered.
#[derive(Debug, clap::Args)]
pub struct Offers {
    #[command(flatten)]
    list: ListArgs,
}

impl Offers {
    /// Prints them.
    pub fn main(self) -> anyhow::Result<u8> {
        super::list(&self.list, async |cluster| {
            let response = cluster.query(Type::GetFrameworks).await?;
            Ok(rows(&response.get_frameworks.unwrap_or_default()))
        })
    }
}
