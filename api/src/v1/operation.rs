//! What an offer operation launches.

use super::offer::Operation;
use super::TaskInfo;

impl Operation {
    /// The tasks that it launches, one by one or as a group, in the framework's order.
    pub fn launched(&self) -> impl Iterator<Item = &TaskInfo> {
        let each = self.launch.iter().flat_map(|launch| &launch.task_infos);
        each.chain(self.launch_group.iter().flat_map(|launch| &launch.task_group.tasks))
    }
}
