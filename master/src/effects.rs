//! Carries out what the core wants, in order.

use crate::actor::{Master, TimerDue};
use crate::core::{Effect, Note};
use crate::leadership::Stage;
use crate::peers::Peer;
use crate::registrar::actor::Write;
use libproc::{Context, Overflow, Reason};
use meseta_api::internal::agent::{FromMaster as ToAgent, Order};
use meseta_api::internal::scheduler::FromMaster as ToScheduler;
use meseta_node::traced;

/// What becomes of a message for which a slow agent has no room. What a scheduler says to its
/// executor is best effort (SCH-23) and lost alone, so that no tenant can cost an agent its
/// connection. Whatever else finds no room ends the connection, and the agent registers anew.
fn overflow_of(message: &ToAgent) -> Overflow {
    match message {
        ToAgent::Order { order, .. } if matches!(**order, Order::DeliverMessage { .. }) => {
            Overflow::Drop
        }
        _ => Overflow::Exit,
    }
}

impl Master {
    pub(crate) fn carry_out(&mut self, effects: Vec<Effect>, cx: &mut Context<Self>) {
        for effect in effects {
            self.effect(effect, cx);
        }
    }

    fn effect(&mut self, effect: Effect, cx: &mut Context<Self>) {
        match effect {
            Effect::ToAgent { connection, message } => {
                if let Some(Peer::Agent(agent)) = self.peers.get(connection) {
                    let agent = agent.clone().on_overflow(overflow_of(&message));
                    traced::send(cx, &agent, *message);
                }
            }
            Effect::CloseAgent { connection } => {
                if let Some(Peer::Agent(agent)) = self.peers.remove(connection) {
                    cx.unlink(agent.address());
                    cx.node().disconnect(agent.address().node, "the master closes it");
                }
            }
            Effect::ToSubscriber { connection, event } => {
                self.tell_subscriber(connection, event, cx)
            }
            Effect::CloseSubscriber { connection, reason } => {
                tracing::info!(%connection, reason, "event stream closed");
                self.peers.remove(connection);
            }
            Effect::Happened(fact) => self.publish(fact, cx),
            Effect::Answer { request, answer } => self.answer_operator(request, *answer),
            Effect::AnswerCall { request, answer } => self.answer_call(request, answer),
            Effect::Note(Note::Info(line)) => tracing::info!("{line}"),
            Effect::Note(Note::Warning(line)) => tracing::warn!("{line}"),
            Effect::ExitNode { reason } => cx.exit_node(Reason::Stopped(reason)),
            Effect::Allocator(_)
            | Effect::Persist { .. }
            | Effect::SetTimer { .. }
            | Effect::CancelTimer { .. } => self.serving_effect(effect, cx),
        }
    }

    fn serving_effect(&mut self, effect: Effect, cx: &mut Context<Self>) {
        let Stage::Serving(serving) = &mut self.stage else {
            return;
        };
        match effect {
            Effect::Allocator(event) => cx.tell(&serving.allocator, event),
            Effect::Persist { write, operation } => {
                cx.tell(&serving.registrar, Write { id: write, operation });
            }
            Effect::SetTimer { key, after } => {
                let timer = cx.after(after, TimerDue(key.clone()));
                if let Some(earlier) = serving.timers.insert(key, timer) {
                    cx.cancel(earlier);
                }
            }
            Effect::CancelTimer { key } => {
                if let Some(timer) = serving.timers.remove(&key) {
                    cx.cancel(timer);
                }
            }
            _ => {}
        }
    }

    fn tell_subscriber(
        &mut self,
        connection: crate::core::ConnectionId,
        event: Box<meseta_api::v1::scheduler::Event>,
        cx: &mut Context<Self>,
    ) {
        self.updates.told(&event, cx.trace());
        match self.peers.get(connection) {
            Some(Peer::Scheduler(scheduler)) => {
                traced::send(cx, scheduler, ToScheduler::Event(event));
            }
            // A stream that is gone or too slow is noticed by its own end: `stream_ended`.
            Some(Peer::Http(stream)) => {
                stream.send(&event);
            }
            Some(Peer::Agent(_)) | None => {}
        }
    }
}
