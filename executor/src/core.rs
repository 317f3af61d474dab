//! Every decision of the SDK, pure: the subscription, and what the agent has not acknowledged.
//!
//! ```text
//!          Start / RetryDue            Dialled(ok)               SUBSCRIBED
//!   Down ──────────────────> Dialling ────────────> Subscribing ───────────> Up
//!    ^                          │ Dialled(err)           │ Lost                │ Lost
//!    └──────────────────────────┴────────────────────────┴────────────────────┘
//!          GiveUpDue while not Up, a refusal while Subscribing, or ERROR from the agent: Stopped
//! ```

use meseta_api::internal::executor::FromAgent;
use meseta_api::v1;
use meseta_node::backoff::{half_to_whole, Backoff};
use std::collections::BTreeMap;
use std::time::Duration;
use v1::executor::{call, event, Call, Event as Said};

/// First pause before the agent is dialled again.
const RETRY_FIRST: Duration = Duration::from_millis(50);
/// Keeps idle connections through middle boxes alive, as in the reference.
const HEARTBEAT: Duration = Duration::from_secs(30 * 60);

/// Timers of the core; each setting replaces the one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Dial again.
    Retry,
    /// The agent has been away for the whole recovery timeout.
    GiveUp,
    /// Say HEARTBEAT.
    Heartbeat,
}

/// Everything that can happen to an executor.
#[derive(Debug)]
pub enum Event {
    /// The process started.
    Start,
    /// The agent that was dialled is connected, or why not.
    Dialled(Result<(), String>),
    /// The connection is gone.
    Lost(String),
    /// A timer fired.
    Due(Timer),
    /// The agent said something.
    Heard(Box<FromAgent>),
    /// The executor has news of a task; complete but for ids, and with its uuid.
    Update(Box<v1::TaskStatus>),
    /// The executor has a message for its scheduler.
    Message(bytes::Bytes),
}

/// Everything that the SDK does.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Connect to the agent; answered by `Dialled`.
    Dial,
    /// Say this to the agent.
    Send(Box<Call>),
    /// Start a timer.
    Set(Timer, Duration),
    /// Stop a timer.
    Cancel(Timer),
    /// Tell the executor.
    Tell(Notice),
    /// End at once: the agent will not come back, or does not want this executor.
    Abort(String),
}

/// What an executor is told.
#[derive(Debug, PartialEq)]
pub enum Notice {
    /// Subscribed.
    Subscribed(Box<event::Subscribed>),
    /// Run this.
    Launch(Box<v1::TaskInfo>),
    /// Run these, which were launched together.
    LaunchGroup(Vec<v1::TaskInfo>),
    /// Kill this.
    Kill(v1::TaskId, Option<v1::KillPolicy>),
    /// The agent has an update of this task.
    Acknowledged(v1::TaskId),
    /// The agent does not take this update, and why.
    Refused(Box<v1::TaskStatus>, String),
    /// From the scheduler.
    Message(bytes::Bytes),
    /// End.
    Shutdown,
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
    framework_id: v1::FrameworkId,
    executor_id: v1::ExecutorId,
    recovery_timeout: Duration,
    link: Link,
    backoff: Backoff,
    /// In the order said.
    updates: Vec<v1::TaskStatus>,
    /// Launched, and nothing of them acknowledged yet.
    tasks: BTreeMap<String, v1::TaskInfo>,
}

impl Core {
    /// An executor that is not connected.
    pub fn new(config: &crate::ExecutorConfig) -> Self {
        Core {
            framework_id: config.framework_id.as_str().into(),
            executor_id: config.executor_id.as_str().into(),
            recovery_timeout: config.recovery_timeout,
            link: Link::Down,
            backoff: Backoff::new(RETRY_FIRST, config.backoff_max),
            updates: Vec::new(),
            tasks: BTreeMap::new(),
        }
    }

    /// How many updates the agent has not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.updates.len()
    }

    /// Takes one event; `random` is fresh.
    pub fn handle(&mut self, event: Event, random: u64) -> Vec<Effect> {
        if self.link == Link::Stopped {
            return Vec::new();
        }
        match event {
            Event::Start => {
                self.link = Link::Dialling;
                vec![Effect::Set(Timer::GiveUp, self.recovery_timeout), Effect::Dial]
            }
            Event::Dialled(Ok(())) => self.subscribe(),
            Event::Dialled(Err(_)) => self.down(random),
            Event::Lost(_) => match self.link {
                Link::Up => {
                    let mut effects = vec![Effect::Set(Timer::GiveUp, self.recovery_timeout)];
                    effects.extend(self.down(random));
                    effects
                }
                Link::Subscribing => self.down(random),
                _ => Vec::new(),
            },
            Event::Due(timer) => self.due(timer),
            Event::Heard(message) => self.heard(*message),
            Event::Update(status) => {
                let effects = self.say_if_up(call::Type::Update, |call| {
                    call.update = Some(call::Update { status: (*status).clone() });
                });
                self.updates.push(*status);
                effects
            }
            Event::Message(data) => self.say_if_up(call::Type::Message, |call| {
                call.message = Some(call::Message { data });
            }),
        }
    }

    fn subscribe(&mut self) -> Vec<Effect> {
        if self.link != Link::Dialling {
            return Vec::new();
        }
        self.link = Link::Subscribing;
        let updates = self.updates.iter().map(|status| call::Update { status: status.clone() });
        let subscribe = call::Subscribe {
            unacknowledged_tasks: self.tasks.values().cloned().collect(),
            unacknowledged_updates: updates.collect(),
        };
        vec![self.say(call::Type::Subscribe, |call| call.subscribe = Some(subscribe))]
    }

    fn down(&mut self, random: u64) -> Vec<Effect> {
        self.link = Link::Down;
        let wait = half_to_whole(self.backoff.failed(), random);
        vec![Effect::Cancel(Timer::Heartbeat), Effect::Set(Timer::Retry, wait)]
    }

    fn due(&mut self, timer: Timer) -> Vec<Effect> {
        match (timer, self.link) {
            (Timer::Retry, Link::Down) => {
                self.link = Link::Dialling;
                vec![Effect::Dial]
            }
            (Timer::GiveUp, link) if link != Link::Up => {
                self.abort(format!("no agent for {:?}", self.recovery_timeout))
            }
            (Timer::Heartbeat, Link::Up) => vec![
                self.say(call::Type::Heartbeat, |_| {}),
                Effect::Set(Timer::Heartbeat, HEARTBEAT),
            ],
            _ => Vec::new(),
        }
    }

    fn abort(&mut self, why: String) -> Vec<Effect> {
        self.link = Link::Stopped;
        vec![Effect::Abort(why)]
    }

    fn heard(&mut self, message: FromAgent) -> Vec<Effect> {
        match message {
            FromAgent::Refused { code, message, update } => self.refused(code, message, update),
            FromAgent::Event(event) => self.event(*event),
        }
    }

    /// Once subscribed, a refusal is of one call; every other task of this executor goes on.
    fn refused(&mut self, code: u16, message: String, update: Option<bytes::Bytes>) -> Vec<Effect> {
        match (self.link, code) {
            // The agent is still recovering: ask again.
            (Link::Subscribing, 503) => self.down(0),
            (Link::Subscribing, _) => {
                self.abort(format!("refused by the agent ({code}): {message}"))
            }
            _ => {
                let refused = |status: &v1::TaskStatus| update.is_some() && status.uuid == update;
                let found = self.updates.iter().position(refused);
                let status = found.map(|at| Box::new(self.updates.remove(at)));
                status
                    .map(|status| Effect::Tell(Notice::Refused(status, message)))
                    .into_iter()
                    .collect()
            }
        }
    }

    fn event(&mut self, event: Said) -> Vec<Effect> {
        let kind = event.r#type();
        let notice = match kind {
            event::Type::Subscribed if self.link == Link::Subscribing => {
                self.link = Link::Up;
                self.backoff.reset();
                let told =
                    event.subscribed.map(|info| Effect::Tell(Notice::Subscribed(Box::new(info))));
                let mut effects =
                    vec![Effect::Cancel(Timer::GiveUp), Effect::Set(Timer::Heartbeat, HEARTBEAT)];
                effects.extend(told);
                return effects;
            }
            event::Type::Error => {
                let message = event.error.map_or_else(String::new, |error| error.message);
                return self.abort(format!("refused by the agent: {message}"));
            }
            event::Type::Launch => event.launch.map(|launch| {
                self.keep(&launch.task);
                Notice::Launch(Box::new(launch.task))
            }),
            event::Type::LaunchGroup => event.launch_group.map(|launch| {
                let tasks = launch.task_group.tasks;
                tasks.iter().for_each(|task| self.keep(task));
                Notice::LaunchGroup(tasks)
            }),
            event::Type::Kill => {
                event.kill.map(|kill| Notice::Kill(kill.task_id, kill.kill_policy))
            }
            event::Type::Message => event.message.map(|message| Notice::Message(message.data)),
            event::Type::Shutdown => Some(Notice::Shutdown),
            event::Type::Acknowledged => event.acknowledged.map(|acknowledged| {
                self.updates.retain(|status| status.uuid.as_ref() != Some(&acknowledged.uuid));
                self.tasks.remove(&acknowledged.task_id.value);
                Notice::Acknowledged(acknowledged.task_id)
            }),
            _ => None,
        };
        notice.map(Effect::Tell).into_iter().collect()
    }

    /// Named to an agent that it subscribes to until something of it is acknowledged.
    fn keep(&mut self, task: &v1::TaskInfo) {
        self.tasks.insert(task.task_id.value.clone(), task.clone());
    }

    fn say_if_up(&self, kind: call::Type, fill: impl FnOnce(&mut Call)) -> Vec<Effect> {
        match self.link {
            Link::Up => vec![self.say(kind, fill)],
            _ => Vec::new(),
        }
    }

    fn say(&self, kind: call::Type, fill: impl FnOnce(&mut Call)) -> Effect {
        let mut call = Call {
            executor_id: self.executor_id.clone(),
            framework_id: self.framework_id.clone(),
            r#type: Some(kind as i32),
            ..Default::default()
        };
        fill(&mut call);
        Effect::Send(Box::new(call))
    }
}
