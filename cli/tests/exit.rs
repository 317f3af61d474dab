//! From a task's last status to an exit code.

use meseta_api::v1::task_status::Reason;
use meseta_api::v1::{TaskState, TaskStatus};
use meseta_cli::exit::of_task;

fn status(state: TaskState, message: &str, reason: Option<Reason>) -> TaskStatus {
    TaskStatus {
        state: state as i32,
        message: Some(message.into()),
        reason: reason.map(|reason| reason as i32),
        ..Default::default()
    }
}

#[test]
fn codes() {
    use TaskState::*;
    let memory = Some(Reason::ContainerLimitationMemory);
    for (state, message, reason, code) in [
        (TaskFinished, "command exited with status 0", None, 0),
        (TaskFinished, "", None, 0),
        (TaskFailed, "command exited with status 3", None, 3),
        (TaskFailed, "Command exited with status 255", None, 255),
        (TaskFailed, "command exited with status 300", None, 125),
        (TaskFailed, "command exited with status 0", None, 125),
        (TaskKilled, "command terminated by signal SIGTERM", None, 143),
        (TaskKilled, "Command terminated with signal Killed", None, 137),
        (TaskFailed, "Command terminated with signal Segmentation fault", None, 139),
        (TaskFailed, "command terminated by signal 64", None, 192),
        (TaskFailed, "command terminated by signal SIGNOVEL", None, 125),
        (TaskFailed, "memory limit exceeded", memory, 137),
        (TaskFailed, "command terminated by signal SIGKILL", memory, 137),
        (TaskError, "task uses more than was offered", None, 125),
        (TaskLost, "agent removed", None, 125),
        (TaskFailed, "", None, 125),
    ] {
        assert_eq!(of_task(&status(state, message, reason)), code, "{state:?} {message:?}");
    }
}
