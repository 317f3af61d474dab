//! The tasks of a LAUNCH_GROUP beside those that their executor has already (B5).

use super::launch::Remaining;
use crate::core::tasks::life::Life;
use crate::core::validation::group::OF_ONE_MIND;
use crate::core::validation::launch::shares_cgroups;
use crate::core::validation::ValidLaunch;
use meseta_api::ids::ExecutorId;

impl Remaining<'_> {
    /// Either all tasks of an executor are in its control groups, or none is: which, of that
    /// executor.
    pub(super) fn check_cgroups(
        &self,
        valid: &ValidLaunch,
    ) -> Result<Option<(ExecutorId, bool)>, String> {
        let (Some((id, _)), Some(first)) = (&valid.executor, valid.tasks.first()) else {
            return Ok(None);
        };
        let wanted = shares_cgroups(first.info.container.as_ref());
        let before = self.groups.get(id).copied().or_else(|| self.of_executor(id));
        match before {
            Some(before) if before != wanted => Err(OF_ONE_MIND.into()),
            _ => Ok(Some((id.clone(), wanted))),
        }
    }

    /// Whether a task that the executor has is in its control groups. An executor that is not there
    /// has none: an ACCEPT may name many of those.
    fn of_executor(&self, id: &ExecutorId) -> Option<bool> {
        let key = (self.framework_id.clone(), id.clone());
        self.core.agents.get(self.agent_id).filter(|agent| agent.executors.contains_key(&key))?;
        let mut tasks = self.core.tasks.on_agent(self.agent_id);
        let of_executor = tasks.find(|(framework, _, task)| {
            *framework == self.framework_id
                && task.executor.as_ref() == Some(id)
                && task.life == Life::Live
        });
        of_executor.map(|(framework, id, task)| {
            shares_cgroups(task.view(framework, id).container.as_ref())
        })
    }
}
