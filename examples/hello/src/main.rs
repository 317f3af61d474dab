//! A framework: runs one command N times, wherever the cluster has room, and ends.

use clap::Parser;
use libproc::Node;
use meseta_api::resources::Resources;
use meseta_api::v1::{Offer, TaskInfo, TaskStatus};
use meseta_scheduler::{credential, node_config, Driver, Masters, Scheduler, SchedulerConfig};
use std::path::PathBuf;

#[derive(Clone, Parser)]
struct Hello {
    /// Where the masters are: host:port[,host:port…] or etcd://host:port[,…]
    #[arg(long, env = "MESETA_MASTER", default_value = "127.0.0.1:5050")]
    master: Masters,
    /// Credential file; by default the one that `meseta local` wrote
    #[arg(long, env = "MESETA_CREDENTIAL")]
    credential: Option<PathBuf>,
    /// PEM file of the authority that signed the master's certificate; dials TLS
    #[arg(long, env = "MESETA_TLS_CA")]
    tls_ca: Option<PathBuf>,
    /// How many times
    #[arg(long, default_value_t = 5)]
    tasks: usize,
    #[arg(long, env = "USER", default_value = "root")]
    user: String,
    /// For a shell
    #[arg(default_value = "echo hello from $(hostname)")]
    command: String,
    /// What each gets
    #[arg(long, default_value = "cpus:0.1;mem:64", value_parser = Resources::parse)]
    each: Resources,
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
            let mut task = TaskInfo::default();
            task.name = format!("hello-{}", self.launched);
            task.task_id = task.name.as_str().into();
            task.agent_id = offer.agent_id;
            task.resources = self.each.to_v1();
            task.command.get_or_insert_default().value = Some(self.command.clone());
            driver.launch(&[offer.id], vec![task], 0.0);
            self.launched += 1;
        }
    }

    fn update(&mut self, status: TaskStatus, driver: &mut Driver<'_>) {
        let state = status.state();
        println!("{} {}", status.task_id, state.as_str_name());
        self.ended += usize::from(state.is_terminal());
        if self.ended == self.tasks {
            driver.stop(true);
        }
    }
}

fn main() -> anyhow::Result<()> {
    let hello = Hello::parse();
    let credential = credential::find(hello.credential.as_deref(), &hello.master)?;
    let node = node_config("hello", &hello.master, hello.tls_ca.clone())?;
    let mut config = SchedulerConfig::new("hello", "*", credential);
    (config.masters, config.framework.user) = (hello.master.clone(), hello.user.clone());
    libproc::run(async {
        let node = Node::start(node).await?;
        meseta_scheduler::spawn(&node, config, hello)?;
        println!("{}", node.finished().await);
        Ok(())
    })
}
