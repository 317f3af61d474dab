//! Faults that tests plant to see that the invariants name them; absent from what is shipped.

use super::turn::Turn;
use super::Agent;
use crate::status_updates::Forward;
use meseta_api::ids::TaskId;
use meseta_api::internal::TaskKey;

/// What goes wrong the next time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Planted {
    pub(super) forgotten_retry: bool,
    swallowed_end: bool,
}

impl Agent {
    /// The next update that is sent will never be sent again.
    pub fn plant_forgotten_retry(&mut self) {
        self.planted.forgotten_retry = true;
    }

    /// The next end of a task is not sent: it is taken for acknowledged.
    pub fn plant_swallowed_end(&mut self) {
        self.planted.swallowed_end = true;
    }

    pub(super) fn swallowed(&mut self, forward: &Forward, turn: &mut Turn<'_>) -> bool {
        let status = &forward.update.status;
        let Ok(task_id) = TaskId::try_from(&status.task_id) else {
            return false;
        };
        if !status.state().is_terminal() || !std::mem::take(&mut self.planted.swallowed_end) {
            return false;
        }
        let key = TaskKey { framework_id: forward.update.framework_id.clone(), task_id };
        self.acknowledge(&key, status.uuid.as_deref().unwrap_or_default(), turn);
        true
    }
}
