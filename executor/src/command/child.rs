//! The task's process: a process group of its own, so that a signal reaches what it started.

use super::machine::Kill;
use meseta_api::v1;
use nix::sys::signal::{killpg, Signal};
use nix::unistd::Pid;
use std::future::Future;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Stdio;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildExit {
    /// With this exit status.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// Why a task's process did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The command is neither a shell command nor a program.
    #[error("the command has no value")]
    NoValue,
    /// The kernel or the child said no.
    #[error("cannot start {program:?}: {source}")]
    Spawn {
        /// What was to be started.
        program: String,
        /// Why not.
        source: std::io::Error,
    },
}

/// A started process.
#[derive(Debug)]
pub struct Child {
    group: Pid,
}

impl Child {
    /// Starts a command in the present directory with the present stdout and stderr. The future
    /// completes when the process has ended.
    pub fn start(
        command: &v1::CommandInfo,
        inherited: &[(String, String)],
    ) -> Result<(Child, impl Future<Output = ChildExit> + Send + 'static), StartError> {
        let value = command.value.as_deref().ok_or(StartError::NoValue)?;
        let shell = command.shell.unwrap_or(true);
        let (program, arguments, name) = match shell {
            true => ("/bin/sh", vec!["-c".to_owned(), value.to_owned()], "sh".to_owned()),
            false => {
                let mut arguments = command.arguments.iter();
                let name = arguments.next().cloned().unwrap_or_else(|| value.to_owned());
                (value, arguments.cloned().collect(), name)
            }
        };
        let variables = command.environment.iter().flat_map(|environment| &environment.variables);
        let variables = variables.map(|v| (v.name.clone(), v.value.clone().unwrap_or_default()));
        let mut process = std::process::Command::new(program);
        process
            .arg0(name)
            .args(arguments)
            .env_clear()
            .envs(inherited.iter().cloned())
            .envs(variables)
            .stdin(Stdio::null())
            .process_group(0);
        let mut child = tokio::process::Command::from(process)
            .spawn()
            .map_err(|source| StartError::Spawn { program: program.to_owned(), source })?;
        let group = Pid::from_raw(child.id().map_or(0, |id| id as i32));
        let exit = async move {
            match child.wait().await {
                Ok(status) => match (status.code(), status.signal()) {
                    (Some(code), _) => ChildExit::Code(code),
                    (None, signal) => ChildExit::Signal(signal.unwrap_or(0)),
                },
                // wait(2) fails only for what is no child.
                Err(_) => ChildExit::Signal(0),
            }
        };
        Ok((Child { group }, exit))
    }

    /// Signals the whole group; one that has ended is fine.
    pub fn signal(&self, signal: Kill) {
        // Group 0 would be the executor's own.
        if self.group.as_raw() > 0 {
            let signal = match signal {
                Kill::Terminate => Signal::SIGTERM,
                Kill::Now => Signal::SIGKILL,
            };
            let _ = killpg(self.group, signal);
        }
    }
}
