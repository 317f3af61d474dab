//! What an author of a framework writes.

use libproc::{Instant, Timestamp};
use meseta_api::v1;
use std::time::Duration;

/// A framework's policy: what to do with offers and with what becomes of tasks.
///
/// Handlers run one at a time and never wait; what they decide they tell the [`Driver`].
pub trait Scheduler: Send + Sized + 'static {
    /// Subscribed, for the first time or again. Tasks of before are being reconciled.
    fn subscribed(&mut self, framework_id: &v1::FrameworkId, driver: &mut Driver<'_>) {
        let _ = (framework_id, driver);
    }

    /// Resources that may be used: accept, decline, or keep for later (they expire).
    fn offers(&mut self, offers: Vec<v1::Offer>, driver: &mut Driver<'_>);

    /// An offer is no longer valid.
    fn rescinded(&mut self, offer: v1::OfferId, driver: &mut Driver<'_>) {
        let _ = (offer, driver);
    }

    /// A task's status; acknowledged when this returns. May repeat.
    fn update(&mut self, status: v1::TaskStatus, driver: &mut Driver<'_>);

    /// What became of an operation, if it was [`named`](crate::operations::named) or failed;
    /// acknowledged when this returns. May repeat.
    fn operation(&mut self, status: v1::OperationStatus, driver: &mut Driver<'_>) {
        let _ = (status, driver);
    }

    /// An executor's message; best effort.
    fn message(&mut self, message: v1::scheduler::event::Message, driver: &mut Driver<'_>) {
        let _ = (message, driver);
    }

    /// An agent or an executor was lost; the updates of its tasks come besides.
    fn failure(&mut self, failure: v1::scheduler::event::Failure, driver: &mut Driver<'_>) {
        let _ = (failure, driver);
    }

    /// The connection to the master is gone; every offer is void. It is being made again.
    fn disconnected(&mut self, driver: &mut Driver<'_>) {
        let _ = driver;
    }

    /// A timer of [`Driver::after`] fired.
    fn timer(&mut self, token: u64, driver: &mut Driver<'_>) {
        let _ = (token, driver);
    }

    /// The master refused the framework for good (removed, failed over, invalid), or it was
    /// stopped. Nothing follows.
    fn stopped(&mut self, stop: &Stop) {
        let _ = stop;
    }
}

/// Why a scheduler ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// [`Driver::stop`].
    Asked,
    /// The master said ERROR, with this message.
    Refused(String),
}

/// What a policy has decided; carried out in order when its handler returns.
#[derive(Debug)]
pub(crate) enum Command {
    Call(Box<v1::scheduler::Call>),
    After(Duration, u64),
    Stop { teardown: bool },
}

/// The hand that a policy acts through, valid within one handler.
pub struct Driver<'a> {
    pub(crate) commands: &'a mut Vec<Command>,
    pub(crate) framework_id: Option<&'a v1::FrameworkId>,
    pub(crate) now: Instant,
    pub(crate) wall: Timestamp,
    pub(crate) random: u64,
}

impl Driver<'_> {
    /// This framework's id, once subscribed.
    pub fn framework_id(&self) -> Option<&v1::FrameworkId> {
        self.framework_id
    }

    /// Now, on the node's monotonic clock.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Now, on the wall clock.
    pub fn wall(&self) -> Timestamp {
        self.wall
    }

    /// 64 random bits, fresh in each handler.
    pub fn random(&self) -> u64 {
        self.random
    }

    /// Launches tasks on what offers of one agent hold; the rest is declined for
    /// `refuse_seconds`.
    pub fn launch(
        &mut self,
        offers: &[v1::OfferId],
        tasks: Vec<v1::TaskInfo>,
        refuse_seconds: f64,
    ) {
        self.accept(offers, vec![crate::operations::launch(tasks)], refuse_seconds);
    }

    /// Applies operations, in order, to what offers of one agent hold; [`crate::operations`] makes
    /// them.
    pub fn accept(
        &mut self,
        offers: &[v1::OfferId],
        operations: Vec<v1::offer::Operation>,
        refuse_seconds: f64,
    ) {
        self.call(v1::scheduler::call::Type::Accept, |call| {
            call.accept = Some(v1::scheduler::call::Accept {
                offer_ids: offers.to_vec(),
                operations,
                filters: Some(v1::Filters { refuse_seconds: Some(refuse_seconds) }),
            });
        });
    }

    /// Gives offers back, and asks not to be offered the same for `refuse_seconds`.
    pub fn decline(&mut self, offers: &[v1::OfferId], refuse_seconds: f64) {
        self.call(v1::scheduler::call::Type::Decline, |call| {
            call.decline = Some(v1::scheduler::call::Decline {
                offer_ids: offers.to_vec(),
                filters: Some(v1::Filters { refuse_seconds: Some(refuse_seconds) }),
            });
        });
    }

    /// Kills a task; it is repeated after a reconnection until the task has ended.
    pub fn kill(&mut self, task: &v1::TaskId, policy: Option<v1::KillPolicy>) {
        self.call(v1::scheduler::call::Type::Kill, |call| {
            call.kill = Some(v1::scheduler::call::Kill {
                task_id: task.clone(),
                agent_id: None,
                kill_policy: policy,
            });
        });
    }

    /// Wants offers again: clears filters and suppression of all roles.
    pub fn revive(&mut self) {
        self.call(v1::scheduler::call::Type::Revive, |call| {
            call.revive = Some(v1::scheduler::call::Revive::default());
        });
    }

    /// Wants no offers in any role.
    pub fn suppress(&mut self) {
        self.call(v1::scheduler::call::Type::Suppress, |call| {
            call.suppress = Some(v1::scheduler::call::Suppress::default());
        });
    }

    /// Changes what the framework says of itself, and the roles that it wants no offers for, without
    /// a new subscription; later ones say the same. `id` is filled in; `principal`, `user` and
    /// `checkpoint` cannot change. A refusal is logged.
    pub fn update_framework(&mut self, info: v1::FrameworkInfo, suppressed_roles: Vec<String>) {
        self.call(v1::scheduler::call::Type::UpdateFramework, |call| {
            call.update_framework = Some(v1::scheduler::call::UpdateFramework {
                framework_info: info,
                suppressed_roles,
                offer_constraints: None,
            });
        });
    }

    /// Any other call; `framework_id` is filled in.
    pub fn call_raw(&mut self, call: v1::scheduler::Call) {
        self.commands.push(Command::Call(Box::new(call)));
    }

    /// Calls [`Scheduler::timer`] with `token` after `delay`.
    pub fn after(&mut self, delay: Duration, token: u64) {
        self.commands.push(Command::After(delay, token));
    }

    /// Ends this scheduler. With `teardown` the framework ends with it and its tasks are killed;
    /// without, it may come back under its id.
    pub fn stop(&mut self, teardown: bool) {
        self.commands.push(Command::Stop { teardown });
    }

    fn call(
        &mut self,
        kind: v1::scheduler::call::Type,
        fill: impl FnOnce(&mut v1::scheduler::Call),
    ) {
        let mut call = v1::scheduler::Call { r#type: Some(kind as i32), ..Default::default() };
        fill(&mut call);
        self.call_raw(call);
    }
}
