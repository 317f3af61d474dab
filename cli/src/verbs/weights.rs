//! `meseta weights`.

use super::{list, print, ListArgs};
use crate::client::{Cluster, ClusterArgs};
use crate::exit;
use crate::view::weights::rows;
use meseta_api::internal::master::{FromOperator, OperatorAnswer};
use meseta_api::v1::master::call::{Type, UpdateWeights};
use meseta_api::v1::master::Call;
use meseta_api::v1::WeightInfo;

/// What roles weigh against one another.
#[derive(Debug, clap::Args)]
pub struct Weights {
    #[command(subcommand)]
    verb: WeightsVerb,
}

#[derive(Debug, clap::Subcommand)]
enum WeightsVerb {
    /// List the weights that were set; every other role weighs 1
    List(ListArgs),
    /// Set weights, all or none of them; they count from the next round of offers on
    Set(Set),
}

#[derive(Debug, clap::Args)]
struct Set {
    /// A role's weight against its siblings, 0.001 or more
    #[arg(value_name = "ROLE=WEIGHT", required = true, value_parser = assignment)]
    weights: Vec<WeightInfo>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// `ROLE=WEIGHT`.
pub(super) fn assignment(text: &str) -> Result<WeightInfo, String> {
    let (role, weight) = text.split_once('=').ok_or("expecting ROLE=WEIGHT")?;
    let weight = weight.parse().map_err(|_| format!("`{weight}` is no number"))?;
    Ok(WeightInfo { weight, role: Some(role.to_owned()) })
}

impl Weights {
    /// Lists or sets them.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        match self.verb {
            WeightsVerb::List(args) => {
                return list(&args, async |cluster| {
                    let response = cluster.query(Type::GetWeights).await?;
                    Ok(rows(&response.get_weights.unwrap_or_default()))
                });
            }
            WeightsVerb::Set(set) => libproc::run(set.ask())?,
        }
        Ok(exit::OK)
    }
}

impl Set {
    async fn ask(self) -> anyhow::Result<()> {
        let cluster = Cluster::open(&self.cluster).await?;
        let call = Call {
            r#type: Some(Type::UpdateWeights.into()),
            update_weights: Some(UpdateWeights { weight_infos: self.weights.clone() }),
            ..Default::default()
        };
        match cluster.ask(FromOperator::Call(Box::new(call))).await? {
            OperatorAnswer::Accepted => {}
            other => return Err(crate::client::unexpected(&other)),
        }
        let set = self.weights.iter();
        let set =
            set.map(|w| format!("{} weighs {}\n", w.role.as_deref().unwrap_or("*"), w.weight));
        print(&set.collect::<String>())
    }
}
