//! A framework: runs one command N times, wherever the cluster has room, and ends.

use clap::Parser;
use libproc::{Node, NodeConfig};
use meseta_api::resources::Resources;
use meseta_api::v1::{CommandInfo, Offer, TaskInfo, TaskStatus};
use meseta_scheduler::{credential, Driver, Scheduler, SchedulerConfig};
use std::path::PathBuf;

#[derive(Clone, Parser)]
struct Hello {
    /// host:port of a master
    #[arg(long, env = "MESETA_MASTER", default_value = "127.0.0.1:5050")]
    master: String,
    /// Credential file; by default the one that `meseta local` wrote
    #[arg(long, env = "MESETA_CREDENTIAL")]
    credential: Option<PathBuf>,
    /// How many times
    #[arg(long, default_value_t = 5)]
    tasks: usize,
    #[arg(long, env = "USER", default_value = "root")]
    user: String,
    /// For a shell
    #[arg(default_value = "echo hello from $(hostname)")]
    command: String,
    #[arg(skip)]
    launched: usize,
    #[arg(skip)]
    ended: usize,
}

impl Scheduler for Hello {
    fn offers(&mut self, offers: Vec<Offer>, driver: &mut Driver<'_>) {
        for offer in offers {
            if self.launched == self.tasks {
                driver.decline(&[offer.id], 3600.0);
                continue;
            }
            let id = format!("hello-{}", self.launched);
            self.launched += 1;
            let command = CommandInfo {
                value: Some(self.command.clone()),
                ..Default::default()
            };
            let task = TaskInfo {
                name: id.clone(),
                task_id: id.into(),
                agent_id: offer.agent_id,
                resources: Resources::parse("cpus:0.1;mem:64")
                    .unwrap_or_default()
                    .to_v1(),
                command: Some(command),
                ..Default::default()
            };
            driver.launch(&[offer.id], vec![task], 0.0);
        }
    }

    fn update(&mut self, status: TaskStatus, driver: &mut Driver<'_>) {
        let message = status.message.as_deref().unwrap_or_default();
        println!(
            "{} {} {message}",
            status.task_id,
            status.state().as_str_name()
        );
        self.ended += usize::from(status.state().is_terminal());
        if self.ended == self.tasks {
            driver.stop(true);
        }
    }
}

fn main() -> anyhow::Result<()> {
    let hello = Hello::parse();
    let state = credential::state_dir(|name| std::env::var(name).ok()).unwrap_or_default();
    let path = hello.credential.clone();
    let path = path.unwrap_or_else(|| credential::default_path(&state, &hello.master));
    let mut config = SchedulerConfig::new("hello", "*", credential::read(&path)?);
    (config.masters, config.framework.user) = (vec![hello.master.clone()], hello.user.clone());
    libproc::run(async {
        let node = Node::start(NodeConfig::new("meseta", "hello")).await?;
        meseta_scheduler::spawn(&node, config, hello)?;
        println!("{}", node.finished().await);
        Ok(())
    })
}
