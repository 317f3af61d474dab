//! What a master says, and what follows from it.

use super::{Core, Effect, Link, Notice, Timer};
use meseta_api::internal::scheduler::FromMaster;
use meseta_api::v1;
use std::time::Duration;
use v1::scheduler::call::Type as CallType;
use v1::scheduler::event::Type as EventType;
use v1::scheduler::{Call, Event};

impl Core {
    pub(super) fn heard(&mut self, message: FromMaster, random: u64) -> Vec<Effect> {
        match message {
            FromMaster::NotLeader { leader } => match self.link {
                Link::Subscribing | Link::Up => self.not_leader(leader, random),
                _ => Vec::new(),
            },
            FromMaster::Refused { code, message } => match (code, self.link) {
                // The master forgot this connection: subscribe anew.
                (403, Link::Up) => self.down(&message, random),
                // Not ready yet, or too much at once.
                (429 | 503, Link::Subscribing) => self.down(&message, random),
                (_, Link::Subscribing) => self.refused(message),
                // What was too much is not done, and nobody says which call that was.
                (429, Link::Up) => self.not_taken(&message),
                _ => vec![Effect::Log(format!("call refused ({code}): {message}"))],
            },
            FromMaster::Event(event) => self.event(*event),
        }
    }

    /// A call was one too many: an ACCEPT, a KILL, or something that is the policy's to repeat.
    fn not_taken(&mut self, message: &str) -> Vec<Effect> {
        let ask = self.tasks.doubt_unheard().map(|wait| Effect::Set(Timer::Reconcile, wait));
        let kill = self.tasks.doubt_kills().map(|wait| Effect::Set(Timer::Kill, wait));
        let log = Effect::Log(format!("call refused (429): {message}"));
        [log].into_iter().chain(ask).chain(kill).collect()
    }

    pub(super) fn kill_again(&mut self) -> Vec<Effect> {
        let (kills, wait) = self.tasks.kill_again();
        let say = |kill| self.say(CallType::Kill, |call| call.kill = Some(kill));
        let again = wait.map(|wait| Effect::Set(Timer::Kill, wait));
        kills.into_iter().map(say).chain(again).collect()
    }

    fn refused(&mut self, message: String) -> Vec<Effect> {
        self.link = Link::Stopped;
        vec![Effect::Stop(crate::Stop::Refused(message))]
    }

    fn event(&mut self, event: Event) -> Vec<Effect> {
        let kind = event.r#type();
        if kind == EventType::Error {
            return self.refused(event.error.map_or_else(String::new, |error| error.message));
        }
        if kind == EventType::Subscribed && self.link == Link::Subscribing {
            return event
                .subscribed
                .map_or_else(Vec::new, |subscribed| self.subscribed(subscribed));
        }
        if self.link != Link::Up {
            return Vec::new();
        }
        let mut effects = vec![self.silence()];
        let notice = match kind {
            EventType::Offers => event.offers.map(|offers| Notice::Offers(offers.offers)),
            EventType::Rescind => event.rescind.map(|rescind| Notice::Rescinded(rescind.offer_id)),
            EventType::Message => event.message.map(Notice::Message),
            EventType::Failure => event.failure.map(Notice::Failure),
            EventType::Update => {
                if let Some(update) = event.update {
                    effects.extend(self.update(update.status));
                }
                None
            }
            EventType::UpdateOperationStatus => {
                if let Some(update) = event.update_operation_status {
                    effects.extend(self.operation(update.status));
                }
                None
            }
            _ => None,
        };
        effects.extend(notice.map(Effect::Tell));
        effects
    }

    fn subscribed(&mut self, subscribed: v1::scheduler::event::Subscribed) -> Vec<Effect> {
        self.link = Link::Up;
        self.backoff.reset();
        self.search.found();
        let told = subscribed.heartbeat_interval_seconds.unwrap_or(15.0);
        if (0.001..=86_400.0).contains(&told) {
            self.heartbeat = Duration::from_secs_f64(told);
        }
        let id = subscribed.framework_id;
        let known_before = self.framework.id.is_some();
        let mut effects = vec![Effect::Cancel(Timer::Subscribe), self.silence()];
        if !known_before {
            self.framework.id = Some(id.clone());
            effects.push(Effect::StoreId(id.clone()));
        }
        effects.push(Effect::Tell(Notice::Subscribed(id)));
        if known_before {
            // Implicit: also of tasks that this process never saw. What it leaves in doubt is asked
            // about one by one, when it has been answered.
            effects.push(
                self.say(CallType::Reconcile, |call| call.reconcile = Some(Default::default())),
            );
            effects.push(self.say(CallType::ReconcileOperations, |call| {
                call.reconcile_operations = Some(Default::default());
            }));
            let wait = self.tasks.doubt_all();
            effects.extend(wait.map(|wait| Effect::Set(Timer::Reconcile, wait)));
            for kill in self.tasks.kills() {
                effects.push(self.say(CallType::Kill, |call| call.kill = Some(kill)));
            }
        }
        effects
    }

    pub(super) fn reconcile_again(&mut self) -> Vec<Effect> {
        let Some((reconcile, wait)) = self.tasks.ask() else {
            return Vec::new();
        };
        let ask = |asked| self.say(CallType::Reconcile, |call| call.reconcile = Some(asked));
        reconcile.map(ask).into_iter().chain([Effect::Set(Timer::Reconcile, wait)]).collect()
    }

    /// The policy sees a status before it is acknowledged.
    fn update(&mut self, status: v1::TaskStatus) -> Vec<Effect> {
        self.tasks.updated(&status);
        let acknowledge = match (&status.uuid, &status.agent_id) {
            (Some(uuid), Some(agent_id)) => Some(v1::scheduler::call::Acknowledge {
                agent_id: agent_id.clone(),
                task_id: status.task_id.clone(),
                uuid: uuid.clone(),
            }),
            _ => None,
        };
        let mut effects = vec![Effect::Tell(Notice::Update(Box::new(status)))];
        if let Some(acknowledge) = acknowledge {
            effects
                .push(self.say(CallType::Acknowledge, |call| call.acknowledge = Some(acknowledge)));
        }
        effects
    }

    /// The policy sees a status before it is acknowledged.
    fn operation(&mut self, status: v1::OperationStatus) -> Vec<Effect> {
        let acknowledge = match (&status.uuid, &status.operation_id) {
            (Some(uuid), Some(operation_id)) => {
                Some(v1::scheduler::call::AcknowledgeOperationStatus {
                    agent_id: status.agent_id.clone(),
                    resource_provider_id: status.resource_provider_id.clone(),
                    uuid: uuid.value.clone(),
                    operation_id: operation_id.clone(),
                })
            }
            _ => None,
        };
        let mut effects = vec![Effect::Tell(Notice::Operation(Box::new(status)))];
        if let Some(acknowledge) = acknowledge {
            effects.push(self.say(CallType::AcknowledgeOperationStatus, |call| {
                call.acknowledge_operation_status = Some(acknowledge);
            }));
        }
        effects
    }

    fn say(&self, kind: CallType, fill: impl FnOnce(&mut Call)) -> Effect {
        let mut call = Call {
            framework_id: self.framework.id.clone(),
            r#type: Some(kind as i32),
            ..Default::default()
        };
        fill(&mut call);
        Effect::Send(Box::new(call))
    }
}
