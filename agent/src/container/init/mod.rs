//! The supervisor: one small process per container, which outlives the agent.
//!
//! - **State**: a [`lifecycle::Lifecycle`], a socket, the exit record.
//! - **Fed by** the kernel (ends of children, out-of-memory), the launching agent (one byte on
//!   standard input: go on; end of file: give up), and peers on the socket.
//! - **Emits** `exit.json`, after which it ends.
//! - **Read next**: [`setup`] (in order, up to the held child), [`supervise`] (the loop),
//!   [`child`] (between fork and exec).
//!
//! It has one thread and no runtime. `unsafe` is in [`child`] and [`sys`] only.

mod child;
mod lifecycle;
mod server;
mod setup;
mod supervise;
pub(crate) mod sys;
mod tree;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

pub use child::Inside;

use super::clock;
use super::protocol::{self, Notice};

/// The hidden subcommand under which [`main`] is reached:
/// `<binary> container-init <container's folder>`.
pub const SUBCOMMAND: &str = "container-init";

/// Supervises the container whose folder is `dir`, until nothing of it is left.
///
/// `helpers` knows what this program itself can run in a container, by its arguments; what it does
/// not know is executed from this program's file. A helper runs in a forked child: it returns its
/// exit code, and must not count on anything that `main` did before.
///
/// Call it first thing in `main`, before any thread, runtime or open file: it closes every
/// descriptor above standard error and forks. Standard input is the launching agent's socket.
pub fn main(dir: &Path, helpers: impl Fn(&[String]) -> Option<Inside>) -> ExitCode {
    let (control, signals) = match setup::detach() {
        Ok(detached) => detached,
        Err(error) => return failed(&error.0),
    };
    let agent = control.try_clone();
    let supervisor = match setup::supervisor(dir, control, signals, helpers) {
        Ok(supervisor) => supervisor,
        Err(error) => {
            if let Ok(mut agent) = agent {
                let reason = error.0.clone();
                let _ = protocol::send(&mut agent, &Notice::SetupFailed { reason });
            }
            return failed(&error.0);
        }
    };
    drop(agent);
    match supervisor.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("supervisor ends early: {error}")),
    }
}

fn failed(text: &str) -> ExitCode {
    say(text);
    ExitCode::FAILURE
}

/// A line to `init.log`, which is this process' standard error. Never fails: a full disk must not
/// end a container.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{} {text}", clock::unix_ms());
}
