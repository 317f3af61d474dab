//! Offer operations: applied to what the agent has, written, told until acknowledged (B17, OP-01 to
//! OP-04). The record is written before a volume's directory is made or removed, and all of that
//! is done before the operation is told, or a task launched that may build on it.

use super::account::{Applied, Settling, Wanted};
use super::effect::{Effect, Lane, Level};
use super::ids::TimerKey;
use super::turn::Turn;
use super::{volumes, Agent, Written};
use crate::checkpoint::records::to_json;
use crate::checkpoint::DiskOperation;
use crate::status_updates::streams::{RETRY_FIRST, RETRY_RAREST};
use meseta_api::ids::FrameworkId;
use meseta_api::internal::agent::AskedOperation;
use meseta_api::internal::master::FromAgent;
use meseta_api::internal::{OperationUpdate, OperationUuid};
use meseta_api::resources::{Conversion, Resources};
use meseta_api::v1::offer::operation::Type;
use meseta_api::v1::{self, OperationState};

impl Agent {
    /// The master orders an operation; one that is known was ordered before.
    pub(super) fn apply_operation(
        &mut self,
        operation: OperationUuid,
        framework: Option<FrameworkId>,
        info: v1::offer::Operation,
        turn: &mut Turn<'_>,
    ) {
        if !self.account.knows(operation) {
            let trace = turn.trace;
            self.account.waiting.push_back(Wanted { operation, framework, info, trace });
            self.settle_operations(turn);
        }
    }

    /// Goes on with the operations that wait, one at a time; then with the tasks that wait for them.
    fn settle_operations(&mut self, turn: &mut Turn<'_>) {
        while self.account.settling.is_none() {
            let Some(wanted) = self.account.waiting.pop_front() else {
                return self.release_all_held(turn);
            };
            turn.within(wanted.trace, |turn| self.try_operation(wanted, turn));
        }
    }

    fn try_operation(&mut self, wanted: Wanted, turn: &mut Turn<'_>) {
        let Wanted { operation, framework, info, trace } = wanted;
        let (state, message, converted) = match self.change_of(&info) {
            Ok((total, converted, doomed)) => {
                self.account.change(total);
                self.account.doomed = doomed;
                (OperationState::OperationFinished, None, converted)
            }
            Err(why) => {
                turn.note(Level::Warn, format!("operation {operation} not applied: {why}"));
                (OperationState::OperationDropped, Some(why), Resources::new())
            }
        };
        let status = v1::OperationStatus {
            operation_id: info.id.clone(),
            state: state.into(),
            message,
            converted_resources: converted.to_v1(),
            uuid: Some(v1::Uuid { value: turn.at.uuid().to_bytes().into() }),
            agent_id: self.id.as_ref().map(Into::into),
            resource_provider_id: None,
        };
        let applied = Applied { framework, info, status, retry: RETRY_FIRST, trace };
        self.account.operations.insert(operation, applied);
        if state == OperationState::OperationFinished {
            self.account.settling = Some(Settling::Operation(operation));
            self.write_account(Written::Operation(operation), turn);
        } else {
            // Of what changed nothing nothing is kept: a later life does not know it, which is
            // what it is told for.
            self.tell_operation(operation, turn);
        }
    }

    /// What the agent has afterwards, what that is in place of what was, and which volumes go.
    fn change_of(
        &self,
        info: &v1::offer::Operation,
    ) -> Result<(Resources, Resources, Vec<std::path::PathBuf>), String> {
        if self.is_leaving() {
            return Err("the agent leaves the cluster".to_owned());
        }
        let conversion = Conversion::of(info).map_err(|error| error.to_string())?;
        let plain = conversion.unallocate().map_err(|error| error.to_string())?;
        let total = plain.apply(&self.account.total).map_err(|error| error.to_string())?;
        let mut doomed = Vec::new();
        if matches!(info.r#type(), Type::Destroy | Type::GrowVolume | Type::ShrinkVolume) {
            for volume in plain.consumed.iter().filter(|entry| entry.is_persistent_volume()) {
                if let Some(task) = self.user_of_volume(volume) {
                    return Err(format!("{volume} is in use by task {task}"));
                }
                let goes = info.r#type() == Type::Destroy;
                doomed.extend(volumes::directory(&self.settings.layout, volume).filter(|_| goes));
            }
        }
        Ok((total, conversion.converted, doomed))
    }

    fn write_account(&mut self, then: Written, turn: &mut Turn<'_>) {
        let record = to_json(&self.account.record());
        let path = self.settings.layout.account();
        self.persist(Lane::Agent, vec![DiskOperation::Write(path, record)], then, turn);
    }

    /// The record of an operation is durable: the directories follow it.
    pub(super) fn operation_stored(&mut self, operation: OperationUuid, turn: &mut Turn<'_>) {
        let created = self.account.operations.get(&operation).map(|applied| &applied.info);
        let created = created.filter(|info| info.r#type() == Type::Create);
        let created = created.and_then(|info| Conversion::of(info).ok()).unwrap_or_default();
        let make = volumes::directories(&self.settings.layout, &created.converted);
        self.arrange(make, turn);
    }

    /// Makes these directories, and removes those that are to go.
    fn arrange(&mut self, make: Vec<std::path::PathBuf>, turn: &mut Turn<'_>) {
        let remove = self.account.doomed.clone();
        if make.is_empty() && remove.is_empty() {
            return self.volumes_arranged(Ok(()), turn);
        }
        turn.push(Effect::ArrangeVolumes { make, remove });
    }

    /// The directories are as the record says. If they cannot be, the agent ends rather than
    /// promise what is not there.
    pub(super) fn volumes_arranged(&mut self, outcome: Result<(), String>, turn: &mut Turn<'_>) {
        if let Err(error) = outcome {
            let reason = format!("persistent volumes cannot be arranged: {error}");
            turn.note(Level::Error, reason.clone());
            return turn.push(Effect::ExitNode { reason });
        }
        self.account.doomed.clear();
        if let Some(Settling::Operation(operation)) = self.account.settling.take() {
            self.tell_operation(operation, turn);
        }
        self.settle_operations(turn);
    }

    /// What an earlier life may have left undone is done again.
    pub(super) fn recover_volumes(&mut self, turn: &mut Turn<'_>) {
        let make = volumes::directories(&self.settings.layout, &self.account.total);
        if !make.is_empty() || !self.account.doomed.is_empty() {
            self.account.settling = Some(Settling::Recovery);
            self.arrange(make, turn);
        }
    }

    /// Tells the last status of an operation, and again until it is acknowledged.
    fn tell_operation(&mut self, operation: OperationUuid, turn: &mut Turn<'_>) {
        let (Some(dial), Some(applied)) =
            (self.link.registered(), self.account.operations.get(&operation))
        else {
            return;
        };
        let update = OperationUpdate {
            operation,
            framework_id: applied.framework.clone(),
            status: applied.status.clone(),
        };
        let (trace, retry) = (applied.trace, applied.retry);
        let said = FromAgent::UpdateOperation(Box::new(update));
        turn.within(trace, |turn| self.to_master(dial, said, turn));
        turn.set_timer(TimerKey::OperationRetry(operation), retry);
    }

    /// A status was not acknowledged in time.
    pub(super) fn repeat_operation(&mut self, operation: OperationUuid, turn: &mut Turn<'_>) {
        if let Some(applied) = self.account.operations.get_mut(&operation) {
            applied.retry = (applied.retry * 2).min(RETRY_RAREST);
            self.tell_operation(operation, turn);
        }
    }

    /// A master is there: every last status is due, and its repetitions begin anew.
    pub(super) fn tell_operations(&mut self, turn: &mut Turn<'_>) {
        for operation in self.account.told() {
            if let Some(applied) = self.account.operations.get_mut(&operation) {
                applied.retry = RETRY_FIRST;
            }
            self.tell_operation(operation, turn);
        }
    }

    /// The last status of an operation has arrived where it was to arrive.
    pub(super) fn operation_acknowledged(
        &mut self,
        operation: OperationUuid,
        uuid: &[u8],
        turn: &mut Turn<'_>,
    ) {
        let known = self.account.operations.get(&operation);
        let uuid_of = known.and_then(|applied| applied.status.uuid.as_ref());
        let settling = self.account.settling == Some(Settling::Operation(operation));
        if settling || uuid_of.is_none_or(|of| of.value != *uuid) {
            self.counters.invalid_acknowledgements += 1;
            let text = format!("acknowledgement for operation {operation} ignored");
            return turn.note(Level::Warn, text);
        }
        turn.cancel(TimerKey::OperationRetry(operation));
        self.account.operations.remove(&operation);
        self.write_account(Written::Nothing, turn);
    }

    /// The master believes that this operation was ordered, and was not told of it.
    pub(super) fn reconcile_operation(&mut self, asked: AskedOperation, turn: &mut Turn<'_>) {
        let AskedOperation { operation, framework_id, operation_id } = asked;
        if self.account.knows(operation) {
            return;
        }
        let status = v1::OperationStatus {
            operation_id: operation_id.clone(),
            state: OperationState::OperationDropped.into(),
            message: Some("the agent does not have the operation: it never arrived".to_owned()),
            uuid: Some(v1::Uuid { value: turn.at.uuid().to_bytes().into() }),
            agent_id: self.id.as_ref().map(Into::into),
            ..Default::default()
        };
        let info = v1::offer::Operation { id: operation_id, ..Default::default() };
        let (framework, retry, trace) = (framework_id, RETRY_FIRST, turn.trace);
        let applied = Applied { framework, info, status, retry, trace };
        self.account.operations.insert(operation, applied);
        self.tell_operation(operation, turn);
    }
}
