//! The hidden branch that an agent starts in a container: the command executor.
//!
//! Everything it knows comes from the environment. It ends when its node ends; the exit code says
//! whether that was as it should be.

use crate::environment;
use anyhow::Context;
use libproc::{Node, Reason};
use meseta_executor::command::CommandExecutor;
use meseta_executor::ExecutorConfig;
use std::collections::BTreeMap;

/// The first argument that leads here.
pub const SUBCOMMAND: &str = "executor";

/// What a task must not see: secrets of its executor, whom that reports traces to, and within which.
const WITHHELD: [&str; 5] =
    ["MESETA_", "MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "OTEL_", "TRACEPARENT", "TRACESTATE"];

/// What a container's supervisor runs in its child instead of executing this program again.
pub fn inside(arguments: &[String]) -> Option<fn() -> u8> {
    (arguments == [SUBCOMMAND]).then_some(main)
}

/// Runs one executor to its end; the exit code.
pub fn main() -> u8 {
    crate::verbs::log("warn");
    match run(&environment::all()) {
        Ok(Reason::Normal) => 0,
        Ok(reason) => {
            eprintln!("executor ends: {reason}");
            1
        }
        Err(error) => {
            eprintln!("executor: {error:#}");
            1
        }
    }
}

fn run(environment: &BTreeMap<String, String>) -> anyhow::Result<Reason> {
    let config = ExecutorConfig::from_environment(environment)?;
    let executor = CommandExecutor::new(inherited(environment), config.shutdown_grace);
    libproc::run(async move {
        let node =
            Node::start(config.node("meseta-executor")).await.context("cannot start a node")?;
        meseta_executor::spawn(&node, config, executor)?;
        Ok(node.finished().await)
    })
}

/// The variables that the task gets from its executor.
pub fn inherited(environment: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let withheld = |name: &str| WITHHELD.iter().any(|prefix| name.starts_with(prefix));
    environment
        .iter()
        .filter(|(name, _)| !withheld(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_sees_no_secret_of_its_executor() {
        let names = [
            "PATH",
            "MESOS_SANDBOX",
            "MESETA_EXECUTOR_SECRET",
            "MESOS_EXECUTOR_AUTHENTICATION_TOKEN",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "TRACEPARENT",
        ];
        let environment = names.map(|name| (name.to_owned(), "x".to_owned())).into();
        let seen: Vec<String> = inherited(&environment).into_iter().map(|(name, _)| name).collect();
        assert_eq!(seen, ["MESOS_SANDBOX", "PATH"]);
    }

    #[test]
    fn outside_of_a_container_it_says_what_is_missing() {
        let error = run(&BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains("MESOS_AGENT_ENDPOINT"), "{error}");
    }
}
