//! `meseta explain`.

use super::{print, print_rows, ListArgs};
use crate::client::{unexpected, Cluster};
use crate::exit;
use crate::view::explain::rows;
use crate::view::Format;
use meseta_api::ids::{AgentId, FrameworkId, Role};
use meseta_api::internal::master::{FromOperator, OfferQuestion, OperatorAnswer};

/// Say why something does not happen.
#[derive(Debug, clap::Args)]
pub struct Explain {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Why a framework is not offered agents, and what would change it
    Offers(Offers),
}

#[derive(Debug, clap::Args)]
struct Offers {
    /// The framework's id
    #[arg(long, value_name = "ID")]
    framework: FrameworkId,
    /// Only in this role of it
    #[arg(long)]
    role: Option<Role>,
    /// Only of this agent
    #[arg(long, value_name = "ID")]
    agent: Option<AgentId>,
    #[command(flatten)]
    list: ListArgs,
}

impl Explain {
    /// Prints one line per agent and role.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        let What::Offers(offers) = self.what;
        let question = OfferQuestion {
            framework_id: offers.framework,
            role: offers.role,
            agent_id: offers.agent,
        };
        let answer = libproc::run(async {
            let cluster = Cluster::open(&offers.list.cluster).await?;
            cluster.ask(FromOperator::ExplainOffers(question)).await
        })?;
        let OperatorAnswer::OffersExplained { explanations, left_out } = answer else {
            return Err(unexpected(&answer));
        };
        print_rows(&rows(&explanations), offers.list.output)?;
        if left_out > 0 && offers.list.output == Format::Table {
            print(&format!("and {left_out} more: name a --role or an --agent\n"))?;
        }
        Ok(exit::OK)
    }
}
