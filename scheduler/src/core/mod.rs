//! Every decision of the SDK, pure: no I/O, no clock, no randomness.
//!
//! State: the link to the master, the framework's id and wishes, and the tasks that are not known
//! to have ended. Fed [`Event`]s by the actor; says [`Effect`]s, to be carried out in order.
//!
//! ```text
//!             Start / RetryDue            Dialled(ok)               SUBSCRIBED
//!   Down ───────────────────────> Dialling ──────────> Subscribing ───────────> Up
//!    ^                               │ Dialled(err)        │ Lost, timeout,       │ Lost, silence,
//!    └───────────────────────────────┴─────────────────────┴─ NotLeader ──────────┘ NotLeader
//!                                            another leader is named: Down, from anywhere
//!                                            ERROR, stop, teardown: Stopped, from anywhere
//! ```

mod effect;
mod event;
mod heard;
mod tasks;
mod wishes;

pub use effect::{Effect, Notice};
pub use event::Event;
use tasks::Tasks;
use wishes::Wishes;

use meseta_api::v1;
use meseta_node::backoff::{half_to_whole, Backoff};
use meseta_node::election::{LeaderSearch, Masters};
use std::time::Duration;

/// Shortest wait before a master is dialled again; doubles with each attempt …
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// … up to this, as the reference's clients do.
const RETRY_MOST: Duration = Duration::from_secs(15);
/// A master that was reached and does not answer SUBSCRIBE within this long is left.
const SUBSCRIBE_WITHIN: Duration = Duration::from_secs(15);
/// Heartbeats that may be missed before the connection is taken for dead.
const SILENT_INTERVALS: u32 = 5;

/// Timers of the core; each setting replaces the one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Dial again.
    Retry,
    /// SUBSCRIBE was not answered.
    Subscribe,
    /// Nothing was heard for too long.
    Silence,
    /// Tasks that were asked about have not all been answered for.
    Reconcile,
    /// Kills that may not have been taken are sent again.
    Kill,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Down,
    Dialling,
    Subscribing,
    Up,
    Stopped,
}

/// The pure machine.
#[derive(Debug)]
pub struct Core {
    framework: v1::FrameworkInfo,
    search: LeaderSearch,
    backoff: Backoff,
    link: Link,
    heartbeat: Duration,
    tasks: Tasks,
    wishes: Wishes,
}

impl Core {
    /// A scheduler that is not connected; `framework.id` is set if it was subscribed before.
    pub fn new(framework: v1::FrameworkInfo, masters: &Masters) -> Self {
        Core {
            framework,
            search: LeaderSearch::new(masters),
            backoff: Backoff::new(RETRY_FIRST, RETRY_MOST),
            link: Link::Down,
            heartbeat: Duration::from_secs(15),
            tasks: Tasks::new(),
            wishes: Wishes::default(),
        }
    }

    /// The framework's id, once known.
    pub fn framework_id(&self) -> Option<&v1::FrameworkId> {
        self.framework.id.as_ref()
    }

    /// The link's state for observers.
    pub fn link_name(&self) -> &'static str {
        match self.link {
            Link::Down => "down",
            Link::Dialling => "dialling",
            Link::Subscribing => "subscribing",
            Link::Up => "subscribed",
            Link::Stopped => "stopped",
        }
    }

    /// Takes one event; `random` is fresh.
    pub fn handle(&mut self, event: Event, random: u64) -> Vec<Effect> {
        if self.link == Link::Stopped {
            return Vec::new();
        }
        match event {
            Event::Start => self.dial(),
            Event::LeaderNamed(leader) => self.led_by(leader, random),
            Event::Dialled(Ok(())) => self.subscribe(),
            Event::Dialled(Err(cause)) => self.down(&cause, random),
            Event::Lost(cause) => self.lost(&cause, random),
            Event::Due(timer) => self.due(timer, random),
            Event::Heard(message) => self.heard(*message, random),
            Event::Call(call) => self.call(*call),
            Event::Stop { teardown } => self.stop(teardown),
        }
    }

    fn dial(&mut self) -> Vec<Effect> {
        match self.search.next_master() {
            Some(address) => {
                self.link = Link::Dialling;
                vec![Effect::Dial(address)]
            }
            None if self.search.waits() => Vec::new(),
            None => {
                self.link = Link::Stopped;
                vec![Effect::Stop(crate::Stop::Refused("no master is configured".into()))]
            }
        }
    }

    fn subscribe(&mut self) -> Vec<Effect> {
        if self.link != Link::Dialling {
            return Vec::new();
        }
        self.link = Link::Subscribing;
        let call = v1::scheduler::Call {
            framework_id: self.framework.id.clone(),
            r#type: Some(v1::scheduler::call::Type::Subscribe as i32),
            subscribe: Some(self.wishes.subscribe(&self.framework)),
            ..Default::default()
        };
        vec![Effect::Send(Box::new(call)), Effect::Set(Timer::Subscribe, SUBSCRIBE_WITHIN)]
    }

    /// Leaves every other master for the one that leads: it may be silent for long and still hold
    /// the connection. All frameworks learn of a new leader at once, so that each waits a little.
    fn led_by(&mut self, leader: String, random: u64) -> Vec<Effect> {
        self.search.led_by(leader);
        self.backoff.reset();
        match self.link {
            Link::Down => vec![Effect::Set(Timer::Retry, self.wait(random))],
            _ if self.search.is_elsewhere() => self.down("another master leads", random),
            _ => Vec::new(),
        }
    }

    /// Before the next attempt: longer each time, and never in step with others.
    fn wait(&mut self, random: u64) -> Duration {
        half_to_whole(self.search.longest_wait(self.backoff.failed()), random)
    }

    /// Waits, then dials.
    fn down(&mut self, cause: &str, random: u64) -> Vec<Effect> {
        let wait = self.wait(random);
        self.down_for(wait, cause)
    }

    fn not_leader(&mut self, leader: Option<String>, random: u64) -> Vec<Effect> {
        let wait = match self.search.not_leader(leader) {
            true => Duration::ZERO,
            false => self.wait(random),
        };
        self.down_for(wait, "this master does not lead")
    }

    fn down_for(&mut self, wait: Duration, cause: &str) -> Vec<Effect> {
        let told = self.link == Link::Up;
        self.link = Link::Down;
        let mut effects = vec![
            Effect::Log(format!("no master: {cause}")),
            Effect::Hangup,
            Effect::Cancel(Timer::Subscribe),
            Effect::Cancel(Timer::Silence),
            Effect::Cancel(Timer::Reconcile),
            Effect::Cancel(Timer::Kill),
            Effect::Set(Timer::Retry, wait),
        ];
        if told {
            effects.push(Effect::Tell(Notice::Disconnected));
        }
        effects
    }

    fn lost(&mut self, cause: &str, random: u64) -> Vec<Effect> {
        match self.link {
            Link::Down | Link::Dialling => Vec::new(),
            _ => self.down(cause, random),
        }
    }

    fn due(&mut self, timer: Timer, random: u64) -> Vec<Effect> {
        match (timer, self.link) {
            (Timer::Retry, Link::Down) => self.dial(),
            (Timer::Subscribe, Link::Subscribing) => {
                self.down("SUBSCRIBE was not answered", random)
            }
            (Timer::Silence, Link::Up) => self.down("no heartbeat", random),
            (Timer::Reconcile, Link::Up) => self.reconcile_again(),
            (Timer::Kill, Link::Up) => self.kill_again(),
            _ => Vec::new(),
        }
    }

    fn silence(&self) -> Effect {
        Effect::Set(Timer::Silence, self.heartbeat * SILENT_INTERVALS)
    }

    /// A call of the policy. Without a subscription a launch or an operation cannot happen, and is answered here;
    /// a kill is kept; what the framework says of itself goes with the next subscription; the rest
    /// has no object any more.
    fn call(&mut self, mut call: v1::scheduler::Call) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.wishes.said(&mut call, &mut self.framework);
        if let Some(kill) = &call.kill {
            self.tasks.kill_wanted(&kill.task_id, kill.kill_policy);
        }
        if self.link != Link::Up {
            for operation in call.accept.into_iter().flat_map(|accept| accept.operations) {
                for task in operation.launched() {
                    effects.push(Effect::Tell(Notice::Update(Box::new(dropped(task)))));
                }
                if let Some(id) = operation.id {
                    effects.push(Effect::Tell(Notice::Operation(Box::new(not_done(id)))));
                }
            }
            return effects;
        }
        for operation in call.accept.iter().flat_map(|accept| &accept.operations) {
            for task in operation.launched() {
                self.tasks.launched(&task.task_id, &task.agent_id);
            }
        }
        call.framework_id = self.framework.id.clone();
        effects.push(Effect::Send(Box::new(call)));
        effects
    }

    fn stop(&mut self, teardown: bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        if teardown && self.link == Link::Up {
            effects.push(Effect::Send(Box::new(v1::scheduler::Call {
                framework_id: self.framework.id.clone(),
                r#type: Some(v1::scheduler::call::Type::Teardown as i32),
                ..Default::default()
            })));
            effects.push(Effect::ForgetId);
        }
        self.link = Link::Stopped;
        effects.push(Effect::Stop(crate::Stop::Asked));
        effects
    }
}

/// What an operation becomes that was asked for while nobody could take it.
fn not_done(id: v1::OperationId) -> v1::OperationStatus {
    v1::OperationStatus {
        operation_id: Some(id),
        state: v1::OperationState::OperationDropped.into(),
        message: Some(NO_MASTER.into()),
        ..Default::default()
    }
}

/// Said of what was asked for in vain.
const NO_MASTER: &str = "launched while no master was connected";

/// What a task becomes that was launched while nobody could take it.
fn dropped(task: &v1::TaskInfo) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: task.task_id.clone(),
        state: v1::TaskState::TaskDropped as i32,
        message: Some(NO_MASTER.into()),
        source: Some(v1::task_status::Source::Master as i32),
        reason: Some(v1::task_status::Reason::MasterDisconnected as i32),
        agent_id: Some(task.agent_id.clone()),
        ..Default::default()
    }
}
