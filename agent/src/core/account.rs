//! What the agent has, and the operations that changed it, as one record: [`Account`].
//!
//! ```text
//! order ──> waiting ──its turn: applied, record written──> settling ──volumes arranged──> told
//!                └─ cannot be applied ──────────────────────────────────────────────────> told
//! told ──acknowledged──> (gone)
//! ```
//!
//! One operation settles at a time, so that a record never speaks of a volume whose directory is
//! another operation's to make or to remove.

use crate::checkpoint::records::{AccountRecord, OperationRecord};
use crate::status_updates::streams::RETRY_FIRST;
use libproc::TraceContext;
use meseta_api::ids::FrameworkId;
use meseta_api::internal::OperationUuid;
use meseta_api::resources::Resources;
use meseta_api::v1::{self, OperationState};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// All that the agent has, allocated to nobody.
    pub(super) total: Resources,
    /// Whether an operation ever changed that.
    changed: bool,
    /// Applied, or not to be applied; their last status is not acknowledged.
    pub(super) operations: BTreeMap<OperationUuid, Applied>,
    /// Not looked at yet.
    pub(super) waiting: VecDeque<Wanted>,
    /// What is under way on disk.
    pub(super) settling: Option<Settling>,
    /// Directories of destroyed volumes that may still be there.
    pub(super) doomed: Vec<PathBuf>,
}

/// What is under way on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settling {
    /// What an earlier life did not finish.
    Recovery,
    /// An operation.
    Operation(OperationUuid),
}

/// An operation as it was ordered.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) operation: OperationUuid,
    pub(super) framework: Option<FrameworkId>,
    pub(super) info: v1::offer::Operation,
    pub(super) trace: Option<TraceContext>,
}

/// An operation with its last status.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    pub(super) framework: Option<FrameworkId>,
    pub(super) info: v1::offer::Operation,
    /// Repeated until its uuid is acknowledged.
    pub(super) status: v1::OperationStatus,
    pub(super) retry: Duration,
    pub(super) trace: Option<TraceContext>,
}

impl Account {
    /// Of an agent that no operation has changed.
    pub(super) fn new(total: Resources) -> Self {
        Account { total, ..Account::default() }
    }

    /// As an earlier life wrote it.
    pub(super) fn recovered(record: AccountRecord) -> Self {
        let applied = |one: OperationRecord| {
            let OperationRecord { operation, framework, info, status } = one;
            let applied = Applied { framework, info, status, retry: RETRY_FIRST, trace: None };
            (operation, applied)
        };
        Account {
            total: record.total,
            changed: true,
            operations: record.operations.into_iter().map(applied).collect(),
            doomed: record.doomed,
            ..Account::default()
        }
    }

    /// As the next life reads it.
    pub(super) fn record(&self) -> AccountRecord {
        let record = |(operation, applied): (&OperationUuid, &Applied)| OperationRecord {
            operation: *operation,
            framework: applied.framework.clone(),
            info: applied.info.clone(),
            status: applied.status.clone(),
        };
        AccountRecord {
            total: self.total.clone(),
            operations: self.operations.iter().map(record).collect(),
            doomed: self.doomed.clone(),
        }
    }

    /// An operation made this of what the agent has.
    pub(super) fn change(&mut self, total: Resources) {
        self.total = total;
        self.changed = true;
    }

    /// Whether an operation ever changed what the agent has.
    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    /// Whether an operation was ordered before, and its end is not acknowledged.
    pub(super) fn knows(&self, operation: OperationUuid) -> bool {
        self.operations.contains_key(&operation)
            || self.waiting.iter().any(|wanted| wanted.operation == operation)
    }

    /// Whether what the agent has is about to change: who builds on it waits.
    pub(super) fn is_settling(&self) -> bool {
        self.settling.is_some() || !self.waiting.is_empty()
    }

    /// Operations whose last status may be told.
    pub(super) fn told(&self) -> Vec<OperationUuid> {
        let open = |uuid: &&OperationUuid| self.settling != Some(Settling::Operation(**uuid));
        self.operations.keys().filter(open).copied().collect()
    }

    /// As a report has them: what is not told yet is pending.
    pub(super) fn report(&self, agent: &v1::AgentId) -> Vec<v1::Operation> {
        let report = |(uuid, applied): (&OperationUuid, &Applied)| {
            let mut latest_status = applied.status.clone();
            if self.settling == Some(Settling::Operation(*uuid)) {
                latest_status.state = OperationState::OperationPending.into();
                latest_status.uuid = None;
            }
            v1::Operation {
                framework_id: applied.framework.as_ref().map(Into::into),
                agent_id: Some(agent.clone()),
                info: applied.info.clone(),
                statuses: vec![latest_status.clone()],
                latest_status,
                uuid: uuid.to_v1(),
            }
        };
        self.operations.iter().map(report).collect()
    }
}
