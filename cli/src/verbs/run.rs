//! `meseta run`.

use crate::client::ClusterArgs;
use crate::run::session::Session;
use crate::run::Spec;
use crate::{environment, exit};
use anyhow::Context;
use libproc::Node;
use meseta_node::keys::FRAMEWORK;
use meseta_scheduler::SchedulerConfig;

/// A connection that broke is made again within this long, in seconds. Nobody else comes back for
/// the tasks: they end with a `run` that was killed, not much later.
const FAILOVER_TIMEOUT: f64 = 60.0;

/// Run a command on the cluster and wait for it.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::RUN_HELP)]
pub struct Run {
    /// Name of the framework; the tasks are called NAME.0, NAME.1, …
    #[arg(long, value_parser = parse_name)]
    name: String,
    /// Processors for each instance
    #[arg(long, default_value_t = 0.1, value_parser = parse_amount)]
    cpus: f64,
    /// Memory for each instance, in MB
    #[arg(long, default_value_t = 64.0, value_parser = parse_amount)]
    mem: f64,
    /// How many
    #[arg(long, default_value_t = 1, value_parser = parse_count)]
    instances: usize,
    /// The role whose share of the cluster it takes
    #[arg(long, default_value = "*")]
    role: String,
    /// The user that the tasks run as; by default your own name
    #[arg(long)]
    user: Option<String>,
    /// Stream what the instances write to standard output
    #[arg(short, long)]
    follow: bool,
    /// A variable for each instance; may be repeated
    #[arg(long = "env", value_name = "K=V", value_parser = parse_variable)]
    environment: Vec<(String, String)>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// What to run, after `--`: a program and its arguments; for a shell, `sh -c '…'`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Run {
    /// Runs it to its end.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        libproc::run(async {
            let node = Node::start(self.cluster.node("meseta-run")?)
                .await
                .context("cannot start a node")?;
            let credential = self.cluster.present(&FRAMEWORK)?;
            let http_credential = self.cluster.show(&FRAMEWORK, &credential)?;
            let mut config = SchedulerConfig::new(&self.name, &self.role, credential);
            config.framework.user = self.user.clone().unwrap_or_else(environment::user);
            config.framework.hostname = Some(environment::hostname());
            config.framework.failover_timeout = Some(FAILOVER_TIMEOUT);
            config.masters = self.cluster.master.clone();
            config.etcd = self.cluster.etcd()?;
            let follow = self.follow.then_some(http_credential);
            Session::start(node, config, self.spec(), follow)?.run().await
        })
    }

    /// What each instance is.
    pub fn spec(self) -> Spec {
        Spec {
            name: self.name,
            command: self.command,
            cpus: self.cpus,
            mem: self.mem,
            instances: self.instances,
            environment: self.environment,
        }
    }
}

fn parse_name(text: &str) -> Result<String, String> {
    meseta_api::ids::check("name", text).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// Amounts are in thousandths, and none at all is no amount.
fn parse_amount(text: &str) -> Result<f64, String> {
    let amount: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.001..=1e9).contains(&amount) {
        Ok(amount)
    } else {
        Err("must be at least 0.001".into())
    }
}

fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a number from 1".into()),
        Ok(count) => Ok(count),
    }
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("expected NAME=VALUE".into()),
    }
}
