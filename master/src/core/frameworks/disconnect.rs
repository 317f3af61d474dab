//! A framework's event stream ends, and its clock runs (B3.7 to B3.9, FW-02, FW-10).
//!
//! Its tasks run on. While its `failover_timeout` runs, what is left of it is stored from time to
//! time, so that a new leader goes on where this one ended; no clock runs while nobody leads.

use super::state::{FrameworkState, FrameworkStep};
use crate::allocator::event::AllocatorEvent;
use crate::core::effect::Effect;
use crate::core::event::{ConnectionId, Moment, TimerKey};
use crate::core::offers::Return;
use crate::core::plan::{Ignored, Plan};
use crate::core::writes::Write;
use crate::core::Core;
use crate::registrar::operation::RegistryOperation;
use meseta_api::ids::FrameworkId;
use std::time::Duration;

/// How often the time left is stored: ten times per timeout, but at least hourly and at most once
/// a minute. A failover gives a framework at most that much more time than it asked for.
pub(in crate::core) fn store_interval(timeout: Duration) -> Duration {
    (timeout / 10).clamp(Duration::from_secs(60), Duration::from_secs(60 * 60))
}

impl Core {
    pub(in crate::core) fn check_lost_subscriber(&self, connection: ConnectionId) -> Plan {
        match self.subscribers.get(&connection) {
            Some(framework) => Plan::LoseSubscriber(framework.clone()),
            None => Plan::Ignore(Ignored::UnknownConnection),
        }
    }

    pub(in crate::core) fn commit_disconnect(
        &mut self,
        id: &FrameworkId,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let was_connected = framework.state.connected().is_some();
        if let Some(connection) = framework.state.subscriber().map(|s| s.connection) {
            self.subscribers.remove(&connection);
            out.push(Effect::CancelTimer { key: TimerKey::HeartbeatDue(connection) });
        }
        if !was_connected {
            let deadline = at.now;
            self.step_framework(id, FrameworkStep::Disconnect { deadline }, out);
            return;
        }
        let deadline = at.now + framework_timeout(self, id);
        self.step_framework(id, FrameworkStep::Disconnect { deadline }, out);
        out.push(Effect::Allocator(AllocatorEvent::FrameworkDeactivated { id: id.clone() }));
        self.forget_inverse_offers(id);
        for offer in self.offers.of_framework(id) {
            self.return_offer(&offer, Return::Freely, out);
        }
        self.framework_changed(id, false, out);
        self.await_framework(id, at, out);
    }

    /// Starts the clock of a framework without a scheduler; without one to wait for it is removed.
    pub(super) fn await_framework(&mut self, id: &FrameworkId, at: Moment, out: &mut Vec<Effect>) {
        let timeout = framework_timeout(self, id);
        if timeout.is_zero() {
            let reason = "its scheduler is gone and its failover_timeout is zero".to_owned();
            return self.commit_removal(id, reason, None, at, out);
        }
        out.push(Effect::SetTimer {
            key: TimerKey::FrameworkFailoverDue(id.clone()),
            after: timeout,
        });
        self.store_time_left(id, timeout, at, out);
    }

    pub(in crate::core) fn check_failover_due(&self, id: FrameworkId) -> Plan {
        match self.frameworks.get(&id).map(|framework| &framework.state) {
            Some(FrameworkState::Recovered { .. } | FrameworkState::Disconnected { .. }) => {
                Plan::RemoveFramework {
                    framework: id,
                    reason: "its scheduler did not come back in time".to_owned(),
                    answer: None,
                }
            }
            _ => Plan::Ignore(Ignored::StaleTimer),
        }
    }

    pub(in crate::core) fn check_time_left_due(&self, id: FrameworkId) -> Plan {
        match self.frameworks.get(&id).map(|framework| &framework.state) {
            Some(FrameworkState::Recovered { .. } | FrameworkState::Disconnected { .. }) => {
                Plan::StoreTimeLeft(id)
            }
            _ => Plan::Ignore(Ignored::StaleTimer),
        }
    }

    pub(in crate::core) fn commit_time_left(
        &mut self,
        id: &FrameworkId,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let state = self.frameworks.get(id).map(|framework| &framework.state);
        if let Some(
            FrameworkState::Recovered { deadline } | FrameworkState::Disconnected { deadline },
        ) = state
        {
            let left = deadline.since(at.now);
            self.store_time_left(id, left, at, out);
        }
    }

    fn store_time_left(
        &mut self,
        id: &FrameworkId,
        left: Duration,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let operation = RegistryOperation::UpdateFramework {
            framework: id.clone(),
            record: Box::new(framework.record(Some(left), at.wall)),
        };
        let after = store_interval(framework.failover_timeout());
        self.persist(operation, Write::Nobody, out);
        out.push(Effect::SetTimer { key: TimerKey::TimeLeftDue(id.clone()), after });
    }
}

fn framework_timeout(core: &Core, id: &FrameworkId) -> Duration {
    let framework = core.frameworks.get(id);
    framework.map_or(Duration::ZERO, |framework| framework.failover_timeout())
}
