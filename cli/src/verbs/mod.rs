//! The verbs, one file each: flags, and `main`, which gives the exit code.

pub mod agent;
pub mod agents;
pub mod demo;
pub mod explain;
pub mod frameworks;
pub mod kill;
pub mod local;
pub mod logs;
pub mod maintenance;
pub mod master;
pub mod quota;
pub mod run;
pub mod tasks;
pub mod weights;

use crate::client::{Cluster, ClusterArgs};
use crate::environment;
use crate::task_name;
use crate::view::tasks::TaskRow;
use crate::view::{self, Format, Row};
use anyhow::Context;
use meseta_api::v1::master::call::Type;
use std::io::Write;
use tracing_subscriber::EnvFilter;

/// Flags of every list.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Prints to standard output. A reader that went away is no failure.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

fn print_rows<R: Row>(rows: &[R], format: Format) -> anyhow::Result<()> {
    print(&view::render(rows, format)?)
}

/// Every task that the leader knows, the ended ones too.
async fn all_tasks(cluster: &Cluster) -> anyhow::Result<Vec<TaskRow>> {
    let response = cluster.query(Type::GetTasks).await?;
    Ok(view::tasks::rows(&response.get_tasks.unwrap_or_default(), true))
}

/// The one task that `text` names, preferring none that has ended if one lives.
async fn find_task(cluster: &Cluster, text: &str) -> anyhow::Result<TaskRow> {
    let mut tasks = all_tasks(cluster).await?;
    let names: Vec<_> = tasks.iter().map(TaskRow::full_name).collect();
    let at = task_name::resolve(text, &names)?;
    Ok(tasks.swap_remove(at))
}

/// Sends log lines to standard error, `level` and worse; `RUST_LOG` overrules it.
pub(crate) fn log(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    // Only fails when a test has set another one.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(environment::colors() && std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .try_init();
}
