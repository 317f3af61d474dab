//! The verbs, one file each: flags, and `main`, which gives the exit code.

pub mod agent;
pub mod agents;
pub mod completion;
pub mod demo;
pub mod events;
pub mod explain;
pub mod frameworks;
pub mod kill;
pub mod local;
pub mod logs;
pub mod maintenance;
pub mod master;
pub mod offers;
pub mod plan;
pub mod quota;
pub mod reservations;
pub mod roles;
pub mod run;
pub mod state;
pub mod tasks;
pub mod weights;

use crate::client::{Cluster, ClusterArgs};
use crate::view::frameworks::FrameworkRow;
use crate::view::tasks::TaskRow;
use crate::view::{self, DocFormat, Format, Row};
use crate::{environment, exit, framework_name, task_name};
use anyhow::Context;
use meseta_api::v1::master::call::Type;
use std::io::{IsTerminal, Write};
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Flags of every list.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// Go on, and print it again when it has changed; looks every 2 s, or as often as is said
    #[arg(
        short,
        long,
        value_name = "EVERY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2s",
        value_parser = humantime::parse_duration
    )]
    watch: Option<Duration>,
}

/// Flags of what prints something that is no list.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    output: DocFormat,
}

/// Between two looks at least.
const WATCH_LEAST: Duration = Duration::from_millis(100);

/// Prints a list, and with `--watch` again when it has changed, until nobody reads it.
fn list<R: Row>(
    args: &ListArgs,
    rows: impl AsyncFn(&Cluster) -> anyhow::Result<Vec<R>>,
) -> anyhow::Result<u8> {
    log("error");
    libproc::run(async {
        let cluster = Cluster::open(&args.cluster).await?;
        let mut shown: Option<String> = None;
        loop {
            match rows(&cluster).await {
                Ok(rows) => {
                    let text = view::render(&rows, args.output)?;
                    let between = between(args.output, shown.is_some());
                    if shown.as_ref() != Some(&text) && !is_read(&format!("{between}{text}"))? {
                        return Ok(exit::OK);
                    }
                    shown = Some(text);
                }
                // Who watches sees a failover through.
                Err(error) if shown.is_some() => eprintln!("meseta: {error:#}"),
                Err(error) => return Err(error),
            }
            let Some(every) = args.watch else {
                return Ok(exit::OK);
            };
            cluster.node().sleep(every.max(WATCH_LEAST)).await;
        }
    })
}

/// What stands between two printings of a list: a terminal is cleared.
fn between(format: Format, again: bool) -> &'static str {
    let is_table = matches!(format, Format::Table | Format::Wide);
    match format {
        _ if !again => "",
        _ if is_table && std::io::stdout().is_terminal() => "\x1b[H\x1b[2J",
        Format::Yaml => "---\n",
        _ => "\n",
    }
}

/// Prints to standard output. A reader that went away is no failure.
fn print(text: &str) -> anyhow::Result<()> {
    is_read(text).map(|_| ())
}

/// Prints to standard output; false if the reader went away.
fn is_read(text: &str) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write to standard output"),
    }
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

/// The one framework that `text` names, also one that has ended.
async fn find_framework(cluster: &Cluster, text: &str) -> anyhow::Result<FrameworkRow> {
    let response = cluster.query(Type::GetFrameworks).await?;
    let mut all = view::frameworks::rows(&response.get_frameworks.unwrap_or_default(), true);
    let at = framework_name::resolve(text, &all)?;
    Ok(all.swap_remove(at))
}

/// Sends log lines to standard error, `level` and worse; `RUST_LOG` overrules it.
pub(crate) fn log(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    // Only fails when a test has set another one.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(environment::colors() && std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .try_init();
}
