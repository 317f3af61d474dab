//! `meseta kill`.

use super::{find_task, print};
use crate::client::{Cluster, ClusterArgs};
use crate::confirm::{ConfirmArgs, DECLINED};
use crate::{environment, exit};
use anyhow::bail;
use meseta_api::internal::master::{FromOperator, OperatorAnswer};

/// Kill a task.
#[derive(Debug, clap::Args)]
pub struct Kill {
    /// FRAMEWORK/TASK, or any unambiguous prefix of it or of the task's id
    task: String,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Kill {
    /// Asks the leader to kill it, and returns when that is recorded.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        libproc::run(async {
            let cluster = Cluster::open(&self.cluster).await?;
            let task = find_task(&cluster, &self.task).await?;
            let name = task.full_name();
            if task.has_ended() {
                bail!("{name} has ended already: {}", task.state);
            }
            if !self.confirm.ask(&format!("kill {name}, which is {}?", task.state))? {
                return Ok(DECLINED);
            }
            let kill = FromOperator::KillTask {
                framework_id: name.framework.parse()?,
                task_id: name.task.parse()?,
                by: format!("{}@{}", environment::user(), environment::hostname()),
            };
            match cluster.ask(kill).await? {
                OperatorAnswer::KillRequested { state } => {
                    print(&format!("killing {name} ({})\n", state.as_str_name()))?;
                }
                OperatorAnswer::Accepted => print(&format!("killing {name}\n"))?,
                other => return Err(crate::client::unexpected(&other)),
            }
            Ok(exit::OK)
        })
    }
}
