//! `meseta explain`.

use super::agents::find_agent;
use super::{find_framework, find_task, list, print, ListArgs, ShowArgs};
use crate::client::{unexpected, Cluster};
use crate::exit;
use crate::view::explain::{rows, task};
use crate::view::Format;
use meseta_api::ids::Role;
use meseta_api::internal::master::{FromOperator, OfferQuestion, OperatorAnswer, TaskQuestion};

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
    /// What happened to a task, who did it, and what it waits for
    Task(Task),
}

#[derive(Debug, clap::Args)]
struct Task {
    /// FRAMEWORK/TASK, or any unambiguous prefix of it or of the task's id
    task: String,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, clap::Args)]
struct Offers {
    /// The framework: its id, the end of that, its name, or a beginning
    #[arg(long)]
    framework: String,
    /// Only in this role of it
    #[arg(long)]
    role: Option<Role>,
    /// Only of this agent: its id, the end of that, its host's name, or a beginning
    #[arg(long)]
    agent: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

impl Explain {
    /// Prints one line per agent and role, or per event.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        match self.what {
            What::Offers(offers) => offers.main(),
            What::Task(task) => task.main(),
        }
    }
}

impl Offers {
    fn main(self) -> anyhow::Result<u8> {
        let is_table = matches!(self.list.output, Format::Table | Format::Wide);
        list(&self.list, async |cluster| {
            let question = OfferQuestion {
                framework_id: find_framework(cluster, &self.framework).await?.id.parse()?,
                role: self.role.clone(),
                agent_id: match &self.agent {
                    Some(agent) => Some(find_agent(cluster, agent).await?.id.parse()?),
                    None => None,
                },
            };
            let answer = cluster.ask(FromOperator::ExplainOffers(question)).await?;
            let OperatorAnswer::OffersExplained { explanations, left_out } = answer else {
                return Err(unexpected(&answer));
            };
            if left_out > 0 && is_table {
                eprintln!("{left_out} more are left out: name a --role or an --agent");
            }
            Ok(rows(&explanations))
        })
    }
}

impl Task {
    fn main(self) -> anyhow::Result<u8> {
        let answer = libproc::run(async {
            let cluster = Cluster::open(&self.show.cluster).await?;
            let name = find_task(&cluster, &self.task).await?.full_name();
            let question =
                TaskQuestion { framework_id: name.framework.parse()?, task_id: name.task.parse()? };
            cluster.ask(FromOperator::ExplainTask(question)).await
        })?;
        let OperatorAnswer::TaskExplained(explanation) = answer else {
            return Err(unexpected(&answer));
        };
        print(&task(&explanation, self.show.output)?)?;
        Ok(exit::OK)
    }
}
