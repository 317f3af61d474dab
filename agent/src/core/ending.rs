//! Why an executor ended, and what its unfinished tasks are told (B6).

use crate::containerizer::ContainerExit;
use meseta_api::v1::task_status::Reason;
use meseta_api::v1::TaskState;

/// Why the agent ended an executor, or what ended it.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// Its container did not come to be.
    LaunchFailed(String),
    /// It did not subscribe in time.
    RegistrationOverdue,
    /// It lost its connection and did not come back in time.
    ReturnOverdue,
    /// Every task was killed before it got one.
    NothingToRun,
    /// Its framework is gone.
    FrameworkGone,
    /// The agent leaves the cluster.
    AgentLeaves,
    /// It is of an earlier life of the agent.
    AgentRestarted,
    /// It broke the executor API.
    Misbehaved(String),
    /// Its limits could not be changed.
    UpdateFailed(String),
}

/// What is said of a task that had not ended by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Terminal.
    pub state: TaskState,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people.
    pub message: String,
}

/// Judges the tasks of an executor by why it ended and by how its container did.
pub fn verdict(why: Option<&Ending>, exit: &ContainerExit) -> Verdict {
    let of = |state, reason, message: String| Verdict { state, reason, message };
    let failed = |reason, message| of(TaskState::TaskFailed, reason, message);
    match why {
        Some(Ending::LaunchFailed(error)) => failed(
            Reason::ContainerLaunchFailed,
            format!("the container was not launched: {error}"),
        ),
        // Memory explains an end better than anything that happened to be decided meanwhile.
        _ if exit.oom_killed => failed(
            Reason::ContainerLimitationMemory,
            format!("the container ran out of memory; its executor {}", ended(exit)),
        ),
        None => failed(
            Reason::ExecutorTerminated,
            format!("the executor {} without ending the task", ended(exit)),
        ),
        Some(Ending::RegistrationOverdue) => failed(
            Reason::ExecutorRegistrationTimeout,
            "the executor did not subscribe in time after its launch".into(),
        ),
        Some(Ending::ReturnOverdue) => of(
            TaskState::TaskGone,
            Reason::ExecutorReregistrationTimeout,
            "the executor lost its connection and did not come back in time".into(),
        ),
        Some(Ending::NothingToRun) => of(
            TaskState::TaskKilled,
            Reason::TaskKilledDuringLaunch,
            "killed before it was started".into(),
        ),
        Some(Ending::FrameworkGone) => {
            of(TaskState::TaskKilled, Reason::FrameworkRemoved, "the framework was removed".into())
        }
        Some(Ending::AgentLeaves) => of(
            TaskState::TaskKilled,
            Reason::ExecutorTerminated,
            "the agent leaves the cluster".into(),
        ),
        Some(Ending::AgentRestarted) => failed(
            Reason::ExecutorTerminated,
            format!(
                "the agent restarted, and the executor of its earlier life is gone: it {}",
                ended(exit)
            ),
        ),
        Some(Ending::Misbehaved(how)) => failed(
            Reason::ExecutorTerminated,
            format!("the executor was ended because it broke the executor API: {how}"),
        ),
        Some(Ending::UpdateFailed(error)) => of(
            TaskState::TaskGone,
            Reason::ContainerUpdateFailed,
            format!("the container's limits could not be changed: {error}"),
        ),
    }
}

/// What is said of a task whose group was not on disk whole when the agent started again.
pub fn never_launched() -> Verdict {
    Verdict {
        state: TaskState::TaskDropped,
        reason: Reason::ExecutorTerminated,
        message: "the agent restarted before all of the task's group was on disk, so that none of \
                  it was launched"
            .into(),
    }
}

/// `exited with status 3`, `was killed by signal 9`, …
fn ended(exit: &ContainerExit) -> String {
    match exit.status {
        None => "ended in an unknown way".into(),
        Some(status) if status & 0x7f == 0 => {
            format!("exited with status {}", (status >> 8) & 0xff)
        }
        Some(status) => format!("was killed by signal {}", status & 0x7f),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b6_every_ending_has_its_state_and_reason() {
        use Reason as R;
        use TaskState as T;
        let exit = ContainerExit { status: Some(3 << 8), oom_killed: false };
        let text = || "x".to_owned();
        let table = [
            (None, T::TaskFailed, R::ExecutorTerminated),
            (Some(Ending::LaunchFailed(text())), T::TaskFailed, R::ContainerLaunchFailed),
            (Some(Ending::RegistrationOverdue), T::TaskFailed, R::ExecutorRegistrationTimeout),
            (Some(Ending::ReturnOverdue), T::TaskGone, R::ExecutorReregistrationTimeout),
            (Some(Ending::NothingToRun), T::TaskKilled, R::TaskKilledDuringLaunch),
            (Some(Ending::FrameworkGone), T::TaskKilled, R::FrameworkRemoved),
            (Some(Ending::AgentLeaves), T::TaskKilled, R::ExecutorTerminated),
            (Some(Ending::AgentRestarted), T::TaskFailed, R::ExecutorTerminated),
            (Some(Ending::Misbehaved(text())), T::TaskFailed, R::ExecutorTerminated),
            (Some(Ending::UpdateFailed(text())), T::TaskGone, R::ContainerUpdateFailed),
        ];
        for (why, state, reason) in table {
            let said = verdict(why.as_ref(), &exit);
            assert_eq!((said.state, said.reason), (state, reason), "{why:?}");
            let oom = ContainerExit { oom_killed: true, ..exit.clone() };
            let said = verdict(why.as_ref(), &oom).reason;
            let launch_failed = matches!(why, Some(Ending::LaunchFailed(_)));
            assert_eq!(said == R::ContainerLimitationMemory, !launch_failed, "{why:?}");
        }
        assert!(verdict(None, &exit).message.contains("exited with status 3"));
        let killed = ContainerExit { status: Some(9), oom_killed: false };
        assert!(verdict(None, &killed).message.contains("signal 9"));
    }
}
