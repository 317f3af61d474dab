//! What the cluster decides by the state of a task.

use super::TaskState;

impl TaskState {
    /// Whether a task in this state has ended for good: no update may change the state again,
    /// and its resources are free.
    ///
    /// `TASK_UNREACHABLE` is not terminal (the agent may come back with the task), nor is
    /// `TASK_UNKNOWN`.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::TaskFinished
            | Self::TaskFailed
            | Self::TaskKilled
            | Self::TaskError
            | Self::TaskLost
            | Self::TaskDropped
            | Self::TaskGone
            | Self::TaskGoneByOperator => true,
            Self::TaskStaging
            | Self::TaskStarting
            | Self::TaskRunning
            | Self::TaskKilling
            | Self::TaskUnreachable
            | Self::TaskUnknown => false,
        }
    }
}
