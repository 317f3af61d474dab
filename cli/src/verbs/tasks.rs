//! `meseta tasks`: the list, and the end of one of them.

use super::kill::Kill;
use super::ListArgs;
use crate::view::tasks::rows;
use meseta_api::v1::master::call::Type;

/// List tasks, or kill one.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Tasks {
    #[command(subcommand)]
    verb: Option<TaskVerb>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, clap::Subcommand)]
enum TaskVerb {
    /// List tasks; the same as without a verb.
    List(List),
    /// Kill a task; the same as `meseta kill`.
    Kill(Kill),
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    list: ListArgs,
    /// Also those that have ended
    #[arg(short, long)]
    all: bool,
}

impl Tasks {
    /// Prints them, or kills one.
    pub fn main(self) -> anyhow::Result<u8> {
        match self.verb {
            None => self.list.main(),
            Some(TaskVerb::List(list)) => list.main(),
            Some(TaskVerb::Kill(kill)) => kill.main(),
        }
    }
}

impl List {
    fn main(self) -> anyhow::Result<u8> {
        super::list(&self.list, async |cluster| {
            let response = cluster.query(Type::GetTasks).await?;
            Ok(rows(&response.get_tasks.unwrap_or_default(), self.all))
        })
    }
}
