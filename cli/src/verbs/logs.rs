//! `meseta logs`.

use super::{all_tasks, find_task, print};
use crate::client::files::{sandbox_path, Read, RemoteFile};
use crate::client::{Cluster, ClusterArgs};
use crate::view::tasks::TaskRow;
use crate::{exit, view};
use anyhow::{anyhow, bail};
use meseta_api::v1::master::call::Type;
use std::time::Duration;

/// While a file has nothing new, how often it is asked whether its task has ended.
const ENDED_EVERY: Duration = Duration::from_secs(2);

/// Print what a task wrote.
#[derive(Debug, clap::Args)]
pub struct Logs {
    /// FRAMEWORK/TASK, or any unambiguous prefix of it or of the task's id
    task: String,
    /// Go on until the task has ended
    #[arg(short, long)]
    follow: bool,
    /// What it wrote to standard error
    #[arg(long)]
    stderr: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Logs {
    /// Prints the file from its beginning.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        libproc::run(async {
            let cluster = Cluster::open(&self.cluster).await?;
            let task = find_task(&cluster, &self.task).await?;
            self.print(&cluster, &task).await?;
            Ok(exit::OK)
        })
    }

    async fn print(&self, cluster: &Cluster, task: &TaskRow) -> anyhow::Result<()> {
        let agent = agent_address(cluster, &task.agent).await?;
        let name = if self.stderr { "stderr" } else { "stdout" };
        let path = sandbox_path(&task.framework, &task.executor, name);
        let mut file = RemoteFile::new(&agent, path, cluster.http_credential().clone());
        let mut ended = task.has_ended() || !self.follow;
        let mut looked = cluster.node().now();
        loop {
            match file.read(cluster.node()).await? {
                Read::Data(text) => print(&text)?,
                Read::End if ended => return Ok(()),
                Read::Missing if ended => bail!(
                    "{} has no {name}: it has not started, or its sandbox was removed",
                    task.full_name()
                ),
                Read::End | Read::Missing => {
                    file.pause(cluster.node()).await;
                    let now = cluster.node().now();
                    if now.since(looked) >= ENDED_EVERY {
                        looked = now;
                        // What it wrote before it ended is read once more.
                        ended = has_ended(cluster, task).await?;
                    }
                }
            }
        }
    }
}

async fn agent_address(cluster: &Cluster, id: &str) -> anyhow::Result<String> {
    let response = cluster.query(Type::GetAgents).await?;
    let agents = view::agents::rows(&response.get_agents.unwrap_or_default());
    let agent = agents.into_iter().find(|agent| agent.id == id);
    agent
        .map(|agent| agent.address)
        .ok_or_else(|| anyhow!("agent {id}, where the task ran, is not in the cluster now"))
}

/// A task that is not listed any more has ended, too.
async fn has_ended(cluster: &Cluster, task: &TaskRow) -> anyhow::Result<bool> {
    let tasks = all_tasks(cluster).await?;
    let now = tasks.iter().find(|row| row.full_name() == task.full_name());
    Ok(now.is_none_or(TaskRow::has_ended))
}
