//! The demonstration: a local cluster as a child process, and a framework of a hundred tasks.
//!
//! - [`plan`]: the tasks, and what is promised of each; pure.
//! - [`policy`]: the scheduler, over the SDK as any author would write it.
//! - [`cluster`]: the child process and its ports.
//! - [`report`]: the table, and whether the promises were kept; pure.

pub mod cluster;
pub mod plan;
pub mod policy;
pub mod report;

use crate::exit;
use crate::run::progress::Progress;
use crate::signals::Interrupts;
use anyhow::{bail, Context};
use cluster::LocalCluster;
use libproc::{Node, NodeConfig};
use meseta_node::keys::FRAMEWORK;
use meseta_scheduler::credential::read_as;
use meseta_scheduler::{Act, SchedulerConfig};
use plan::Plan;
use policy::{Demo, Notice};
use report::Report;
use std::time::Duration;
use tokio::sync::mpsc;

/// The demonstration is over within this long, or has failed.
const DEADLINE: Duration = Duration::from_secs(120);

/// Runs it; 0 if all came out as promised.
pub fn main(clean: bool) -> anyhow::Result<u8> {
    let mut cluster = LocalCluster::start()?;
    println!("cluster of one master and {} agents", cluster::AGENTS);
    println!("  master   http://{}", cluster.master());
    println!("  work dir {}", cluster.work_dir().display());
    let plan = Plan::new(&cluster.shared_dir()?);
    let done = libproc::run(show(&cluster, plan));
    let stopped = cluster.stop();
    let report = done?;
    stopped?;
    print!("\n{}", report.table());
    if !clean {
        match cluster.sandbox_of(plan::READER) {
            Some(path) => println!("\nsandbox of {}: {}", plan::READER, path.display()),
            None => bail!("the sandbox of {} is not in the work dir", plan::READER),
        }
    }
    let broken = report.broken_promises();
    println!("{}", report.summary());
    if clean {
        cluster.remove()?;
    } else {
        println!("left for you to look at: {}", cluster.work_dir().display());
    }
    if broken.is_empty() {
        return Ok(exit::OK);
    }
    bail!("not as promised:\n  {}", broken.join("\n  "))
}

async fn show(cluster: &LocalCluster, plan: Plan) -> anyhow::Result<Report> {
    let node = Node::start(NodeConfig::new("meseta", "meseta-demo"))
        .await
        .context("cannot start a node")?;
    let mut interrupts = Interrupts::new()?;
    let credential = cluster.credential(&node, |path| read_as(path, FRAMEWORK.as_str())).await?;
    let mut config = SchedulerConfig::new("demo", "*", credential);
    config.framework.user = crate::environment::user();
    config.masters = cluster.master().parse()?;
    let total = plan.tasks.len();
    let (sender, mut notices) = mpsc::unbounded_channel();
    let scheduler = meseta_scheduler::spawn(&node, config, Demo::new(plan, sender))?;
    let progress = Progress::new(total);
    let deadline = node.sleep(DEADLINE);
    tokio::pin!(deadline);
    let report = loop {
        tokio::select! { biased;
            () = interrupts.next() => bail!("interrupted"),
            notice = notices.recv() => match notice {
                Some(Notice::Changed { line, counts }) => {
                    progress.line(&format!("[{:>3}/{total}] {line}", counts.ended));
                    progress.counts(counts);
                }
                Some(Notice::Done(report)) => break *report,
                Some(Notice::Refused(why)) => bail!("the master refused the framework: {why}"),
                None => bail!("the framework's scheduler ended"),
            },
            reason = node.ended() => bail!("the framework's node ended: {reason}"),
            () = &mut deadline => bail!("not done within {} s", DEADLINE.as_secs()),
        }
    };
    progress.finish();
    scheduler.tell(Act::new(|_: &mut Demo, driver| driver.stop(true)));
    // The scheduler ends its node when it has said so.
    node.finished().await;
    Ok(report)
}
