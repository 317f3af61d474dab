//! The command line as a whole: verbs, and what holds for every flag.
//!
//! Flags are kebab-case; the underscore spelling is the same flag. Each long flag is also the
//! environment variable `MESETA_<FLAG>`.

use crate::{exit, verbs};
use clap::{Arg, ArgAction, Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

/// Meseta: a cluster manager. One binary for masters, agents and operators.
#[derive(Debug, Parser)]
#[command(name = "meseta", version, after_help = exit::HELP, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs, each with its flags.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run a whole cluster on this machine: one master and its agents.
    Local(verbs::local::Local),
    /// Run a master.
    Master(Box<verbs::master::Master>),
    /// Run an agent.
    Agent(Box<verbs::agent::Agent>),
    /// Run a command on the cluster and wait for it.
    Run(verbs::run::Run),
    /// List agents, or decide about one: drain, deactivate, reactivate, gone.
    Agents(Box<verbs::agents::Agents>),
    /// List frameworks.
    Frameworks(verbs::frameworks::Frameworks),
    /// List tasks.
    Tasks(verbs::tasks::Tasks),
    /// Print what a task wrote.
    Logs(verbs::logs::Logs),
    /// Kill a task.
    Kill(verbs::kill::Kill),
    /// Say why something does not happen.
    Explain(verbs::explain::Explain),
    /// Which machines go away for maintenance, and when.
    Maintenance(verbs::maintenance::Maintenance),
    /// What roles are guaranteed and what they may not exceed.
    Quota(verbs::quota::Quota),
    /// What roles weigh against one another.
    Weights(verbs::weights::Weights),
    /// Start a cluster, run a hundred tasks on it, and check what became of them.
    #[command(hide = true)]
    Demo(verbs::demo::Demo),
}

/// Runs the verb that `arguments` (with the program's name) say.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match parse(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(exit::FAILED);
            // Nobody is left to tell if the terminal is gone.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let failed = match cli.verb {
        Verb::Run(_) => exit::MESETA_FAILED,
        _ => exit::FAILED,
    };
    let done = match cli.verb {
        Verb::Local(local) => local.main(),
        Verb::Master(master) => master.main(),
        Verb::Agent(agent) => agent.main(),
        Verb::Run(run) => run.main(),
        Verb::Agents(agents) => agents.main(),
        Verb::Frameworks(frameworks) => frameworks.main(),
        Verb::Tasks(tasks) => tasks.main(),
        Verb::Logs(logs) => logs.main(),
        Verb::Kill(kill) => kill.main(),
        Verb::Explain(explain) => explain.main(),
        Verb::Maintenance(maintenance) => maintenance.main(),
        Verb::Quota(quota) => quota.main(),
        Verb::Weights(weights) => weights.main(),
        Verb::Demo(demo) => demo.main(),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("meseta: {error:#}");
            ExitCode::from(failed)
        }
    }
}

/// Parses a command line, the program's name first.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let matches = command().try_get_matches_from(kebab(arguments))?;
    Cli::from_arg_matches(&matches)
}

/// The command line's definition.
pub fn command() -> Command {
    with_environment(Cli::command())
}

/// Gives each long flag of each verb its variable.
fn with_environment(command: Command) -> Command {
    command
        .mut_args(|flag| match variable(&flag) {
            Some(variable) => flag.env(variable),
            None => flag,
        })
        .mut_subcommands(with_environment)
}

fn variable(flag: &Arg) -> Option<String> {
    let asks = matches!(flag.get_action(), ArgAction::Help | ArgAction::Version);
    let long = flag.get_long().filter(|_| !asks)?;
    Some(format!("MESETA_{}", long.replace('-', "_").to_ascii_uppercase()))
}

/// `--work_dir=x_y` becomes `--work-dir=x_y`; nothing after a bare `--` is a flag of ours.
fn kebab(arguments: impl IntoIterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let mut flags = true;
    arguments.into_iter().map(move |argument| {
        flags &= argument != OsStr::new("--");
        match argument.to_str().filter(|text| flags && text.starts_with("--")) {
            Some(text) => {
                let end = text.find('=').unwrap_or(text.len());
                format!("{}{}", text[..end].replace('_', "-"), &text[end..]).into()
            }
            None => argument,
        }
    })
}
