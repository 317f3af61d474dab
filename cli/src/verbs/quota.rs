//! `meseta quota`.

use super::{list, print, ListArgs};
use crate::client::{Cluster, ClusterArgs};
use crate::exit;
use crate::view::quota::rows;
use anyhow::Context;
use meseta_api::internal::master::{FromOperator, OperatorAnswer};
use meseta_api::resources::ScalarQuantities;
use meseta_api::v1::master::call::{Type, UpdateQuota};
use meseta_api::v1::master::Call;
use meseta_api::v1::quota::QuotaConfig;
use meseta_api::v1::value;
use std::collections::BTreeMap;

/// What roles are guaranteed and what they may not exceed.
#[derive(Debug, clap::Args)]
pub struct Quota {
    #[command(subcommand)]
    verb: QuotaVerb,
}

#[derive(Debug, clap::Subcommand)]
enum QuotaVerb {
    /// List quotas; every other role has none
    List(ListArgs),
    /// Set a top-level role's quota, which counts for all roles below it too
    Set(Set),
    /// Take roles' quotas away
    Remove(Remove),
}

/// A role's quota.
#[derive(Debug, clap::Args)]
pub(super) struct Wanted {
    /// A top-level role
    role: String,
    /// What stays free for it until it has it, such as cpus:4;mem:1024
    #[arg(long, value_name = "LIST", default_value = "")]
    guarantee: String,
    /// What it is never given more of; 0 is a limit too
    #[arg(long, value_name = "LIST", default_value = "", required_unless_present = "guarantee")]
    limit: String,
}

impl Wanted {
    /// As the API has it.
    pub(super) fn config(&self) -> anyhow::Result<QuotaConfig> {
        Ok(QuotaConfig {
            role: self.role.clone(),
            guarantees: amounts(&self.guarantee).context("--guarantee")?,
            limits: amounts(&self.limit).context("--limit")?,
        })
    }
}

#[derive(Debug, clap::Args)]
struct Set {
    #[command(flatten)]
    wanted: Wanted,
    /// Also if the cluster has less than is guaranteed, or the role more than it may have
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, clap::Args)]
struct Remove {
    /// Top-level roles
    #[arg(value_name = "ROLE", required = true)]
    roles: Vec<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Quota {
    /// Lists, sets or removes them.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        match self.verb {
            QuotaVerb::List(args) => {
                return list(&args, async |cluster| {
                    let response = cluster.query(Type::GetQuota).await?;
                    Ok(rows(&response.get_quota.unwrap_or_default().status))
                });
            }
            QuotaVerb::Set(set) => {
                let config = set.wanted.config()?;
                libproc::run(update(&set.cluster, vec![config], set.force))?;
                print(&format!("role {} has its quota\n", set.wanted.role))?;
            }
            QuotaVerb::Remove(remove) => {
                let none = |role: &String| QuotaConfig { role: role.clone(), ..Default::default() };
                let configs = remove.roles.iter().map(none).collect();
                libproc::run(update(&remove.cluster, configs, false))?;
                print(&format!("no quota: {}\n", remove.roles.join(", ")))?;
            }
        }
        Ok(exit::OK)
    }
}

/// `cpus:4;mem:0`. A zero stays: as a limit it says that nothing may be had.
fn amounts(text: &str) -> anyhow::Result<BTreeMap<String, value::Scalar>> {
    let mut amounts = BTreeMap::new();
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        // One at a time, since together they forget zeros.
        let _: ScalarQuantities = part.parse().with_context(|| format!("`{part}`"))?;
        let (name, amount) = part.split_once(':').context("expecting NAME:AMOUNT")?;
        let value = amount.trim().parse().with_context(|| format!("`{part}`"))?;
        amounts.insert(name.trim().to_owned(), value::Scalar { value });
    }
    Ok(amounts)
}

async fn update(
    cluster: &ClusterArgs,
    quota_configs: Vec<QuotaConfig>,
    force: bool,
) -> anyhow::Result<()> {
    let cluster = Cluster::open(cluster).await?;
    let call = Call {
        r#type: Some(Type::UpdateQuota.into()),
        update_quota: Some(UpdateQuota { force: Some(force), quota_configs }),
        ..Default::default()
    };
    match cluster.ask(FromOperator::Call(Box::new(call))).await? {
        OperatorAnswer::Accepted => Ok(()),
        other => Err(crate::client::unexpected(&other)),
    }
}
