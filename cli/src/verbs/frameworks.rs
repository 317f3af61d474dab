//! `meseta frameworks`: the list, and the end of one of them.

use super::{find_framework, print, ListArgs};
use crate::client::{Cluster, ClusterArgs};
use crate::confirm::{ConfirmArgs, DECLINED};
use crate::exit;
use crate::view::frameworks::rows;
use meseta_api::v1::master::call::{Teardown as Call, Type};

/// List frameworks, or end one.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Frameworks {
    #[command(subcommand)]
    verb: Option<FrameworkVerb>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, clap::Subcommand)]
enum FrameworkVerb {
    /// List frameworks; the same as without a verb.
    List(List),
    /// End a framework for good: its tasks are killed, its id is refused from then on.
    Teardown(Teardown),
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    list: ListArgs,
    /// Also those that have ended
    #[arg(short, long)]
    all: bool,
}

#[derive(Debug, clap::Args)]
struct Teardown {
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    /// Which framework: its id, the end of that, its name, or a beginning
    framework: String,
}

impl Frameworks {
    /// Prints them, or ends one.
    pub fn main(self) -> anyhow::Result<u8> {
        match self.verb {
            None => self.list.main(),
            Some(FrameworkVerb::List(list)) => list.main(),
            Some(FrameworkVerb::Teardown(teardown)) => teardown.main(),
        }
    }
}

impl List {
    fn main(self) -> anyhow::Result<u8> {
        super::list(&self.list, async |cluster| {
            let response = cluster.query(Type::GetFrameworks).await?;
            Ok(rows(&response.get_frameworks.unwrap_or_default(), self.all))
        })
    }
}

impl Teardown {
    fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        libproc::run(async {
            let cluster = Cluster::open(&self.cluster).await?;
            let framework = find_framework(&cluster, &self.framework).await?;
            let name = format!("{} ({})", framework.id, framework.name);
            if !self.confirm.ask(&format!("end framework {name} and all of its tasks for good?"))? {
                return Ok(DECLINED);
            }
            cluster
                .command(meseta_api::v1::master::Call {
                    r#type: Some(Type::Teardown.into()),
                    teardown: Some(Call { framework_id: framework.id.as_str().into() }),
                    ..Default::default()
                })
                .await?;
            print(&format!("framework {name} is torn down\n"))?;
            Ok(exit::OK)
        })
    }
}
