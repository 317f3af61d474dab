//! Operations in the report of an agent that comes back (B8, B17, OP-01, OP-02).
//!
//! Its account decides: what it reports is in its total, and what it does not report is either
//! over and acknowledged or never reached it. About the latter it is asked, because an order may
//! be under way to it while it reports.

use super::{is_last, Operation};
use crate::core::plan::Rejection;
use crate::core::Core;
use meseta_api::ids::{AgentId, FrameworkId, OperationId};
use meseta_api::internal::agent::AskedOperation;
use meseta_api::internal::OperationUuid;
use meseta_api::v1;
use meseta_api::v1::OperationState;
use std::collections::BTreeMap;

/// Reads what an agent reports.
pub(in crate::core) fn parse(
    reported: Vec<v1::Operation>,
) -> Result<BTreeMap<OperationUuid, Operation>, Rejection> {
    let mut operations = BTreeMap::new();
    for one in reported {
        let uuid = OperationUuid::from_v1(&one.uuid)
            .ok_or_else(|| Rejection::bad_request("operation without a uuid of 16 bytes"))?;
        let bad = |error: meseta_api::ids::IdError| Rejection::bad_request(error.to_string());
        let framework = one.framework_id.as_ref().map(FrameworkId::try_from);
        let id = one.info.id.as_ref().map(OperationId::try_from);
        let operation = Operation {
            framework: framework.transpose().map_err(bad)?,
            id: id.transpose().map_err(bad)?,
            in_books: matches!(
                one.latest_status.state(),
                OperationState::OperationFinished | OperationState::OperationPending
            ),
            info: one.info,
            status: one.latest_status,
        };
        operations.insert(uuid, operation);
    }
    Ok(operations)
}

impl Core {
    /// Takes over what an agent reports; which ones it has to be asked about.
    pub(in crate::core) fn take_operations(
        &mut self,
        agent: &AgentId,
        reported: BTreeMap<OperationUuid, Operation>,
    ) -> Vec<OperationUuid> {
        let mut ask = Vec::new();
        for uuid in self.operations.on_agent(agent) {
            if reported.contains_key(&uuid) {
                continue;
            }
            let known = self.operations.get_mut(agent, uuid);
            match known.map(|known| (is_last(known.status.state()), known)) {
                // Its end was told and acknowledged, or the agent would repeat it.
                Some((true, _)) | None => {
                    self.operations.remove(agent, uuid);
                }
                Some((false, known)) => {
                    known.in_books = false;
                    ask.push(uuid);
                }
            }
        }
        for (uuid, operation) in reported {
            self.operations.insert(agent, uuid, operation);
        }
        ask
    }

    /// As the agent is asked about them.
    pub(in crate::core) fn asked(
        &self,
        agent: &AgentId,
        operations: Vec<OperationUuid>,
    ) -> Vec<AskedOperation> {
        let asked = operations.into_iter().filter_map(|operation| {
            let known = self.operations.get(agent, operation)?;
            Some(AskedOperation {
                operation,
                framework_id: known.framework.clone(),
                operation_id: known.id.as_ref().map(Into::into),
            })
        });
        asked.collect()
    }
}
