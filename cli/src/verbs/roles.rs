//! `meseta roles`.

use super::ListArgs;
use crate::view::roles::rows;
use meseta_api::v1::master::call::Type;

/// List roles that have a weight, a quota, or a framework.
#[derive(Debug, clap::Args)]
pub struct Roles {
    #[command(flatten)]
    list: ListArgs,
}

impl Roles {
    /// Prints them.
    pub fn main(self) -> anyhow::Result<u8> {
        super::list(&self.list, async |cluster| {
            let response = cluster.query(Type::GetRoles).await?;
            Ok(rows(&response.get_roles.unwrap_or_default()))
        })
    }
}
