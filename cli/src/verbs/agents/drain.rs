//! `meseta agents drain`: asks for it, then says who holds it up until it is done.

use super::{all_agents, find_agent, id};
use crate::client::{Cluster, ClusterArgs};
use crate::confirm::{ConfirmArgs, DECLINED};
use crate::exit;
use crate::verbs::{all_tasks, print};
use crate::view::agents::AgentRow;
use crate::view::tasks::TaskRow;
use meseta_api::v1;
use meseta_api::v1::master::call::{self, Type};
use meseta_api::v1::master::Call;
use std::collections::BTreeMap;
use std::time::Duration;

/// Between two looks at how far a drain is.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Kill what runs on an agent, and wait until that is over.
#[derive(Debug, clap::Args)]
pub(super) struct Drain {
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    /// The longest that a task may take to end; else its own kill policy says
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    max_grace_period: Option<Duration>,
    /// Give the agent up for good once it is drained
    #[arg(long)]
    mark_gone: bool,
    /// Ask for it and return
    #[arg(long)]
    no_wait: bool,
    /// Which agent
    agent: String,
}

impl Drain {
    pub(super) fn main(self) -> anyhow::Result<u8> {
        libproc::run(async {
            let cluster = Cluster::open(&self.cluster).await?;
            let agent = find_agent(&cluster, &self.agent).await?;
            let running = left_on(&agent, all_tasks(&cluster).await?).len();
            let name = format!("{} at {}", agent.id, agent.hostname);
            if !self.confirm.ask(&format!("drain {name}, which has {running} tasks?"))? {
                return Ok(DECLINED);
            }
            let drain_agent = call::DrainAgent {
                agent_id: id(&agent),
                max_grace_period: self.max_grace_period.map(duration),
                mark_gone: Some(self.mark_gone),
            };
            cluster
                .command(Call {
                    r#type: Some(Type::DrainAgent.into()),
                    drain_agent: Some(drain_agent),
                    ..Default::default()
                })
                .await?;
            if self.no_wait {
                print(&format!("{name} is draining\n"))?;
                return Ok(exit::OK);
            }
            follow(&cluster, &agent).await?;
            let end = if self.mark_gone { "gone" } else { "drained" };
            print(&format!("{name} is {end}\n"))?;
            Ok(exit::OK)
        })
    }
}

/// Waits until the agent is drained, or listed no longer; says what is left each time that this
/// changes.
async fn follow(cluster: &Cluster, agent: &AgentRow) -> anyhow::Result<()> {
    let mut said = String::new();
    loop {
        let now = all_agents(cluster).await?.into_iter().find(|now| now.id == agent.id);
        if now.is_none_or(|now| now.state != "draining") {
            return Ok(());
        }
        let left = describe(&left_on(agent, all_tasks(cluster).await?));
        if left != said {
            eprintln!("{left}");
            said = left;
        }
        cluster.node().sleep(LOOK_EVERY).await;
    }
}

/// Tasks that keep an agent from being drained: those that somebody still has to hear of.
fn left_on(agent: &AgentRow, tasks: Vec<TaskRow>) -> Vec<TaskRow> {
    tasks.into_iter().filter(|task| task.agent == agent.id && !task.is_settled).collect()
}

/// `3 tasks left: 2 of framework F run, 1 of framework G has ended and is not acknowledged`.
fn describe(left: &[TaskRow]) -> String {
    let mut counts: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    for task in left {
        *counts.entry((task.framework.as_str(), task.has_ended())).or_default() += 1;
    }
    let parts = counts.into_iter().map(|((framework, ended), count)| {
        let what = if ended { "ended, not acknowledged by its scheduler" } else { "running" };
        format!("{count} of framework {framework} {what}")
    });
    format!("{} tasks left: {}", left.len(), parts.collect::<Vec<_>>().join(", "))
}

pub(in crate::verbs) fn duration(long: Duration) -> v1::Duration {
    v1::Duration {
        seconds: Some(i64::try_from(long.as_secs()).unwrap_or(i64::MAX)),
        nanos: Some(i32::try_from(long.subsec_nanos()).unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(framework: &str, state: &str) -> TaskRow {
        TaskRow { framework: framework.to_owned(), state: state.to_owned(), ..Default::default() }
    }

    #[test]
    fn who_holds_a_drain_up_is_named() {
        let left = [task("F", "TASK_KILLING"), task("G", "TASK_KILLED"), task("F", "TASK_RUNNING")];
        assert_eq!(
            describe(&left),
            "3 tasks left: 2 of framework F running, 1 of framework G ended, not acknowledged by its scheduler"
        );
    }
}
