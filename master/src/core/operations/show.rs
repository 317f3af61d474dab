//! Operations as the API shows them.

use super::Operation;
use meseta_api::ids::AgentId;
use meseta_api::internal::OperationUuid;
use meseta_api::v1;

impl Operation {
    /// As the API shows it.
    pub fn view(&self, agent: &AgentId, uuid: OperationUuid) -> v1::Operation {
        v1::Operation {
            framework_id: self.framework.as_ref().map(Into::into),
            agent_id: Some(agent.into()),
            info: self.info.clone(),
            latest_status: self.status.clone(),
            statuses: vec![self.status.clone()],
            uuid: uuid.to_v1(),
        }
    }
}
