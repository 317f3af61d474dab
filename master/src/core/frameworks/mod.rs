//! Frameworks: [`Framework`], and one file per thing that happens to one.
//!
//! State: the frameworks by id, their event streams, and those that are [`Completed`]. Fed by
//! SUBSCRIBE, ended streams and timers; emits events for schedulers, allocator events, registry
//! operations, orders to agents. `state.rs` is the life cycle; `subscribe.rs` brings a framework
//! in, `repeat.rs` tells it what it may have missed, `recovered.rs` finds one again, `disconnect.rs` and `removal.rs` let it go. What a
//! subscribed scheduler asks for is in `../calls/`.

pub mod disconnect;
pub mod heartbeat;
mod recovered;
pub mod removal;
mod repeat;
pub mod state;
pub mod subscribe;

use self::state::{FrameworkState, FrameworkStep};
use super::effect::Effect;
use super::shelf::{Kept, Shelf};
use super::tasks::Task;
use super::{send, Core};
use crate::allocator::{FrameworkTraits, Wish};
use crate::registrar::registry::{CompletedFrameworkRecord, FrameworkRecord};
use libproc::Timestamp;
use meseta_api::ids::{FrameworkId, Role, TaskId};
use meseta_api::resources::Resources;
use meseta_api::v1;
use meseta_api::v1::framework_info::capability::Type as CapabilityType;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// One framework.
#[derive(Clone, Debug, PartialEq)]
pub struct Framework {
    /// As it subscribed last, with its id and its owner as `principal`.
    pub info: v1::FrameworkInfo,
    /// Its roles.
    pub roles: BTreeSet<Role>,
    /// Roles for which it wants no offers.
    pub suppressed: BTreeSet<Role>,
    /// Which agents it wants offers of, as it said it.
    pub offer_constraints: Option<v1::scheduler::OfferConstraints>,
    /// What it wants offers of, in roles of which it says so.
    pub wishes: BTreeMap<Role, Wish>,
    /// What its scheduler understands.
    pub capabilities: Capabilities,
    /// First subscription; `None` until that is durable, and then nobody sees the framework.
    pub registered: Option<Timestamp>,
    /// Last subscription under this leader.
    pub reregistered: Option<Timestamp>,
    /// Where it is in its life.
    pub state: FrameworkState,
    /// Its settled tasks, the latest last; bounded.
    pub history: History,
}

/// Settled tasks in the order in which they settled, by a number that grows.
pub type History = Shelf<u64, (TaskId, Kept<Task>)>;

/// What a scheduler understands (A7); what is not named here changes nothing in the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// CAP-01: `roles` instead of `role`.
    pub multi_role: bool,
    /// CAP-02: sees DROPPED, UNREACHABLE, GONE, UNKNOWN instead of LOST.
    pub partition_aware: bool,
    /// CAP-04: sees reservation stacks.
    pub reservation_refinement: bool,
    /// CAP-05: is offered agents that have GPUs.
    pub gpu_resources: bool,
    /// CAP-06: is offered what can be taken back at any time.
    pub revocable_resources: bool,
    /// CAP-08: is offered agents of other regions.
    pub region_aware: bool,
}

impl Capabilities {
    /// Of a framework's info.
    pub fn of(info: &v1::FrameworkInfo) -> Self {
        let has = |wanted: CapabilityType| {
            let mut types = info.capabilities.iter().map(v1::framework_info::Capability::r#type);
            types.any(|found| found == wanted)
        };
        Capabilities {
            multi_role: has(CapabilityType::MultiRole),
            partition_aware: has(CapabilityType::PartitionAware),
            reservation_refinement: has(CapabilityType::ReservationRefinement),
            gpu_resources: has(CapabilityType::GpuResources),
            revocable_resources: has(CapabilityType::RevocableResources),
            region_aware: has(CapabilityType::RegionAware),
        }
    }
}

impl Framework {
    /// Its `failover_timeout`; what is not a duration is none.
    pub fn failover_timeout(&self) -> Duration {
        let seconds = self.info.failover_timeout.unwrap_or(0.0);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
    }

    /// Resources in the notation that it understands (RES-18).
    pub fn show(&self, resources: &Resources) -> Vec<v1::Resource> {
        if self.capabilities.reservation_refinement {
            return resources.to_v1();
        }
        resources.to_v1_pre_refinement().unwrap_or_else(|_| resources.to_v1())
    }

    /// Its roles as the allocator wants them: each with whether it is suppressed.
    pub fn allocator_roles(&self) -> Vec<(Role, bool)> {
        let roles = self.roles.iter();
        roles.map(|role| (role.clone(), self.suppressed.contains(role))).collect()
    }

    /// What the allocator is to know of it besides.
    pub fn allocator_traits(&self) -> FrameworkTraits {
        FrameworkTraits {
            gpus: self.capabilities.gpu_resources,
            regions: self.capabilities.region_aware,
            revocable: self.capabilities.revocable_resources,
            roles: self.wishes.clone(),
        }
    }

    /// Adds a settled task to the history.
    pub fn remember(&mut self, id: TaskId, task: Kept<Task>, limit: usize) {
        let next = self.history.last_key().map_or(0, |last| last + 1);
        self.history.insert(next, (id, task));
        while self.history.len() > limit {
            self.history.pop_first();
        }
    }

    /// As the registry knows it.
    pub fn record(&self, time_left: Option<Duration>, now: Timestamp) -> FrameworkRecord {
        FrameworkRecord {
            info: self.info.clone(),
            registered: self.registered.unwrap_or(now),
            time_left_ms: time_left.map(millis),
        }
    }
}

/// Milliseconds of a duration, saturating.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Frameworks that are gone for ever.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completed {
    /// All tombstones: their ids are never accepted again.
    pub tombstones: BTreeMap<FrameworkId, CompletedFrameworkRecord>,
    /// Details of the latest, for people.
    pub details: VecDeque<(FrameworkId, Kept<Framework>)>,
}

impl Core {
    /// Whether a framework was removed, durably.
    pub(super) fn is_gone(&self, id: &FrameworkId) -> bool {
        self.completed.tombstones.contains_key(id)
    }

    /// Whether a framework was removed, or that is being written.
    pub(super) fn is_leaving(&self, id: &FrameworkId) -> bool {
        let state = self.frameworks.get(id).map(|framework| &framework.state);
        self.is_gone(id) || state.is_some_and(FrameworkState::is_leaving)
    }

    /// Changes a framework's state through the gate. A step that cannot be taken is a defect.
    pub(super) fn step_framework(
        &mut self,
        id: &FrameworkId,
        step: FrameworkStep,
        out: &mut Vec<Effect>,
    ) -> bool {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return false;
        };
        match framework.state.after(step) {
            Some(state) => {
                framework.state = state;
                true
            }
            None => {
                send::warn(format!("framework {id} was to take an illegal step"), out);
                false
            }
        }
    }
}
