//! What has happened, counted as it passes: calls and messages by their kind (MET-07), how tasks
//! ended (MET-06), and what each framework called, was told and was offered (MET-05).
//!
//! Fed by [`Core::commit`] with every plan and every effect; read by metrics. A framework's tally
//! goes with the framework, so that there are as many as frameworks.

use super::effect::Effect;
use super::plan::{Plan, Rejection};
use super::{Caller, Core, Moment};
use meseta_api::ids::{FrameworkId, OfferId};
use meseta_api::v1::offer::operation;
use meseta_api::v1::scheduler::{call, event, Call, Event};
use meseta_api::v1::task_status::{Reason, Source};
use meseta_api::v1::{self, TaskState, TaskStatus};
use std::collections::BTreeMap;

/// A scheduler's call that is right, and what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    framework: FrameworkId,
    kind: call::Type,
    offers: u64,
    operations: Vec<operation::Type>,
    /// What follows.
    pub(super) plan: Plan,
}

/// What one framework did and was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that were right.
    pub calls: BTreeMap<call::Type, u64>,
    /// Events that it was told.
    pub events: BTreeMap<event::Type, u64>,
    /// Operations that it put in ACCEPT.
    pub operations: BTreeMap<operation::Type, u64>,
    /// Its tasks that are history, by their last state.
    pub settled: BTreeMap<TaskState, u64>,
    /// Offers that it was made, …
    pub sent: u64,
    /// … that it used, …
    pub accepted: u64,
    /// … that it gave back, …
    pub declined: u64,
    /// … and that were taken back.
    pub rescinded: u64,
}

/// Why, and by whom, a task came to its last state.
pub type End = (TaskState, Source, Reason);

/// All that is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tallies {
    of: BTreeMap<FrameworkId, Tally>,
    /// Schedulers' calls that were right, SUBSCRIBE when it is answered.
    pub calls: BTreeMap<call::Type, u64>,
    /// Messages of agents, as metrics call them.
    pub messages: BTreeMap<&'static str, u64>,
    /// Ends of tasks.
    pub ends: BTreeMap<End, u64>,
}

impl Tallies {
    /// Of one framework; none if it has done nothing yet.
    pub fn of(&self, framework: &FrameworkId) -> Option<&Tally> {
        self.of.get(framework)
    }

    /// A framework is gone.
    pub(super) fn remove(&mut self, framework: &FrameworkId) {
        self.of.remove(framework);
    }

    /// A task of this framework is history.
    pub(super) fn settled(&mut self, framework: &FrameworkId, state: TaskState) {
        *self.tally(framework).settled.entry(state).or_default() += 1;
    }

    /// A task came to its end, as this status says.
    pub(super) fn ended(&mut self, status: &TaskStatus) {
        let end = (status.state(), status.source(), status.reason());
        *self.ends.entry(end).or_default() += 1;
    }

    fn tally(&mut self, framework: &FrameworkId) -> &mut Tally {
        self.of.entry(framework.clone()).or_default()
    }

    fn called(&mut self, called: &Called) {
        *self.calls.entry(called.kind).or_default() += 1;
        let tally = self.tally(&called.framework);
        *tally.calls.entry(called.kind).or_default() += 1;
        match called.kind {
            call::Type::Accept => tally.accepted += called.offers,
            call::Type::Decline => tally.declined += called.offers,
            _ => {}
        }
        for operation in &called.operations {
            *tally.operations.entry(*operation).or_default() += 1;
        }
    }

    fn told(&mut self, framework: &FrameworkId, event: &Event) {
        let tally = self.tally(framework);
        *tally.events.entry(event.r#type()).or_default() += 1;
        match event.r#type() {
            event::Type::Offers => {
                let offers = event.offers.as_ref().map_or(0, |offers| offers.offers.len());
                tally.sent += offers as u64;
            }
            event::Type::Rescind => tally.rescinded += 1,
            event::Type::Subscribed => {
                *tally.calls.entry(call::Type::Subscribe).or_default() += 1;
                *self.calls.entry(call::Type::Subscribe).or_default() += 1;
            }
            event::Type::Update => {
                let status = event.update.as_ref().map(|update| &update.status);
                if let Some(status) = status.filter(|status| is_masters_end(status)) {
                    self.ended(status);
                }
            }
            _ => {}
        }
    }
}

/// Whether the master itself says for the first time that a task has ended.
fn is_masters_end(status: &TaskStatus) -> bool {
    let ends = status.state().is_terminal() || status.state() == TaskState::TaskUnreachable;
    ends && status.uuid.is_none() && status.reason() != Reason::Reconciliation
}

impl Core {
    /// What has been counted since this master began to lead.
    pub fn tallies(&self) -> &Tallies {
        &self.tallies
    }

    /// A call's check, and what is counted if it is right.
    pub(super) fn check_counted(
        &self,
        caller: Caller,
        call: Call,
        at: Moment,
    ) -> Result<Plan, Rejection> {
        let kind = call.r#type();
        let framework = call.framework_id.as_ref().and_then(|id| FrameworkId::try_from(id).ok());
        let counted = framework.filter(|_| kind != call::Type::Subscribe).map(|framework| {
            let accepted = call.accept.iter().flat_map(|accept| &accept.offer_ids);
            let declined = call.decline.iter().flat_map(|decline| &decline.offer_ids);
            let outstanding = |id: &&v1::OfferId| {
                let offer = OfferId::try_from(*id).ok().and_then(|id| self.offers.get(&id));
                offer.is_some_and(|offer| offer.framework == framework)
            };
            let offers = accepted.chain(declined).filter(outstanding).count() as u64;
            let operations = call.accept.iter().flat_map(|accept| &accept.operations);
            Called {
                framework,
                kind,
                offers,
                operations: operations.map(|operation| operation.r#type()).collect(),
                plan: Plan::ExpireOffers,
            }
        });
        let plan = self.check_call(caller, call, at)?;
        Ok(match counted {
            Some(called) => Plan::Called(Box::new(Called { plan, ..called })),
            None => plan,
        })
    }

    /// Counts what is going to happen.
    pub(super) fn count_plan(&mut self, plan: &Plan) {
        let message = match plan {
            Plan::Called(called) => return self.tallies.called(called),
            Plan::Register(_) => "register_slave",
            Plan::Reregister(_) => "reregister_slave",
            Plan::Update(_) => "status_update",
            Plan::ExecutorExit(_) => "exited_executor",
            Plan::Relay(_) => "executor_to_framework",
            Plan::OperationUpdate(_) => "operation_status_update",
            _ => return,
        };
        *self.tallies.messages.entry(message).or_default() += 1;
    }

    /// Counts what schedulers are told.
    pub(super) fn count_effects(&mut self, out: &[Effect]) {
        for effect in out {
            if let Effect::ToSubscriber { connection, event } = effect {
                if let Some(framework) = self.subscribers.get(connection) {
                    self.tallies.told(framework, event);
                }
            }
        }
    }
}
