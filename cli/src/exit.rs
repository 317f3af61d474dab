//! Exit codes: the only place that knows them.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done; for `run`: every instance finished |
//! | 1 | a verb or a daemon failed; the reason is on stderr |
//! | 2 | the command line is wrong |
//! | 125 | `run`: Meseta itself failed, or an instance ended without a code (lost, not started) |
//! | 128 + n | `run`: the first failing instance was ended by signal n |
//! | 130 | `run`: interrupted |
//! | other | `run`: the first failing instance's own code |

use meseta_api::v1::task_status::Reason;
use meseta_api::v1::{TaskState, TaskStatus};
use nix::sys::signal::Signal;

/// Done.
pub const OK: u8 = 0;
/// A verb failed.
pub const FAILED: u8 = 1;
/// Meseta failed, not the work it was asked to run.
pub const MESETA_FAILED: u8 = 125;
/// Ended by Ctrl-C.
pub const INTERRUPTED: u8 = 130;
/// What shells add to the number of the signal that ended a program.
const SIGNALLED: u8 = 128;

/// For `--help`.
pub const HELP: &str = "Exit codes: 0 done, 1 failed (the reason is on stderr), 2 wrong usage";

/// For `run --help`.
pub const RUN_HELP: &str = "\
Exit codes:
  0      every instance finished
  N      the code of the first instance that failed
  128+N  the first instance that failed was ended by signal N
  125    Meseta itself failed, or the instance ended without a code
  130    interrupted by Ctrl-C
  2      wrong usage";

/// The exit code of an ended task; 0 only for TASK_FINISHED.
///
/// The v1 API carries no code: it is in the message, in our words or in the reference's. A
/// container that was ended for its memory got SIGKILL.
pub fn of_task(status: &TaskStatus) -> u8 {
    if status.state() == TaskState::TaskFinished {
        return OK;
    }
    let message = status.message.as_deref().unwrap_or_default();
    if let Some(code) = after(message, "exited with status ").and_then(|code| code.parse().ok()) {
        // A failure must not look like success.
        return if code == OK { MESETA_FAILED } else { code };
    }
    let signal = after(message, "terminated by signal ")
        .or_else(|| after(message, "terminated with signal "))
        .and_then(signal_number);
    let memory = Reason::ContainerLimitationMemory as i32;
    match signal {
        Some(signal) => SIGNALLED.saturating_add(signal),
        None if status.reason == Some(memory) => SIGNALLED.saturating_add(Signal::SIGKILL as u8),
        None => MESETA_FAILED,
    }
}

/// The word that follows `phrase` in `message`.
fn after<'m>(message: &'m str, phrase: &str) -> Option<&'m str> {
    let at = message.find(phrase)? + phrase.len();
    message[at..].split(|c: char| !c.is_ascii_alphanumeric()).next()
}

/// `SIGTERM`, `15`, or the reference's `Terminated`.
fn signal_number(name: &str) -> Option<u8> {
    let strsignal = match name {
        "Hangup" => "SIGHUP",
        "Interrupt" => "SIGINT",
        "Quit" => "SIGQUIT",
        "Aborted" => "SIGABRT",
        "Killed" => "SIGKILL",
        "Segmentation" => "SIGSEGV",
        "Terminated" => "SIGTERM",
        name => name,
    };
    let named = strsignal.parse::<Signal>().ok().map(|signal| signal as i32);
    named.or_else(|| name.parse().ok()).and_then(|number| u8::try_from(number).ok())
}
