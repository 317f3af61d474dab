//! Carries out what the core decided: the connection, the id's file, timers.
//!
//! Owns nothing; works on the process of `actor.rs`, one effect at a time, in the order said.

use crate::actor::{Due, SchedulerProcess};
use crate::core::{Effect, Event, Timer};
use crate::policy::Scheduler;
use crate::Stop;
use libproc::{Context, DialError, Overflow, Peer, ProcessId, Reason, Remote};
use meseta_api::internal::master::FromFramework;
use meseta_api::v1;
use meseta_node::keys::MASTER;
use meseta_node::traced;
use std::sync::Arc;
use std::time::Duration;

/// What becomes of a call for which a slow master has no room: a MESSAGE is best effort (SCH-23) and
/// lost alone.
fn overflow_of(call: &v1::scheduler::Call) -> Overflow {
    match call.r#type() {
        v1::scheduler::call::Type::Message => Overflow::Drop,
        _ => Overflow::Exit,
    }
}

impl<S: Scheduler> SchedulerProcess<S> {
    pub(crate) fn effect(&mut self, effect: Effect, cx: &mut Context<Self>) {
        match effect {
            Effect::Dial(address) => {
                self.attempt += 1;
                let attempt = self.attempt;
                let target = self.config.credential.target(&address, MASTER);
                cx.dial(target, move |process: &mut Self, dialled, cx| {
                    if attempt == process.attempt {
                        process.dialled(dialled, cx);
                    }
                });
            }
            Effect::Send(call) => {
                if let Some(master) = &self.master {
                    // A launch begins a trace: what led to its offer is the allocator's life.
                    if launches(&call) {
                        cx.continue_trace(None);
                    }
                    let master = master.clone().on_overflow(overflow_of(&call));
                    traced::send(cx, &master, FromFramework::Call(call));
                }
            }
            Effect::Hangup => self.hang_up(cx),
            Effect::StoreId(id) => self.store_id(id.value.into_bytes(), cx),
            Effect::ForgetId => self.store_id(Vec::new(), cx),
            Effect::Set(timer, after) => self.set(timer, after, cx),
            Effect::Cancel(timer) => self.cancel(timer, cx),
            Effect::Tell(notice) => self.tell(notice, cx),
            Effect::Log(line) => tracing::info!("{line}"),
            Effect::Stop(stop) => self.stop(&stop, cx),
        }
    }

    fn dialled(&mut self, dialled: Result<Arc<Peer>, DialError>, cx: &mut Context<Self>) {
        let outcome = dialled.map_err(|error| error.to_string()).and_then(|peer| {
            let id = ProcessId::new("master").map_err(|error| error.to_string())?;
            let master: Remote<FromFramework> = peer.remote(&id);
            cx.link(master.address());
            self.master = Some(master);
            Ok(())
        });
        self.event(Event::Dialled(outcome), cx);
    }

    /// The connection goes too: a master learns from it that this subscription is over.
    fn hang_up(&mut self, cx: &mut Context<Self>) {
        self.attempt += 1;
        if let Some(master) = self.master.take() {
            cx.unlink(master.address());
            cx.node().disconnect(master.address().node, "the scheduler leaves this master");
        }
    }

    fn store_id(&mut self, content: Vec<u8>, cx: &mut Context<Self>) {
        let Some(path) = &self.config.id_path else {
            return;
        };
        self.storing = true;
        let writing = cx.node().disk().write(path, content);
        cx.defer(writing, |process: &mut Self, written, cx| {
            process.storing = false;
            match written {
                Ok(()) => process.carry_out(cx),
                Err(error) => cx
                    .exit_node(Reason::Stopped(format!("cannot keep the framework's id: {error}"))),
            }
        });
    }

    fn set(&mut self, timer: Timer, after: Duration, cx: &mut Context<Self>) {
        self.cancel(timer, cx);
        self.timers.insert(timer, cx.after(after, Due(timer)));
    }

    fn cancel(&mut self, timer: Timer, cx: &mut Context<Self>) {
        if let Some(id) = self.timers.remove(&timer) {
            cx.cancel(id);
        }
    }

    fn stop(&mut self, stop: &Stop, cx: &mut Context<Self>) {
        self.policy.stopped(stop);
        cx.stop(match stop {
            Stop::Asked => Reason::Normal,
            Stop::Refused(why) => Reason::Stopped(why.clone()),
        });
    }
}

fn launches(call: &v1::scheduler::Call) -> bool {
    let mut operations = call.accept.iter().flat_map(|accept| &accept.operations);
    operations.any(|operation| operation.launched().next().is_some())
}
