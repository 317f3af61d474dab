//! Schedulers call over libproc: whose subscription a call is of, and what becomes of it.
//!
//! Over HTTP the same calls come in through `http/`.

use crate::actor::Master;
use crate::core::{Caller, Channel, Event, Rejection};
use crate::joined::Joining;
use crate::limits::TooMany;
use libproc::{Context, Receive, Sender};
use meseta_api::internal::master::FromFramework;
use meseta_api::internal::scheduler::FromMaster as ToScheduler;
use meseta_api::v1::scheduler::{call, Call};
use meseta_node::traced;

impl Receive<FromFramework> for Master {
    fn receive(&mut self, said: FromFramework, from: &Sender, cx: &mut Context<Self>) {
        traced::heard(cx, &said);
        let FromFramework::Call(call) = said;
        let Some(scheduler) = from.remote::<ToScheduler>() else {
            return;
        };
        if self.core().is_none() {
            let leader = self.leader_address().filter(|_| !self.is_elected());
            return cx.send(&scheduler, ToScheduler::NotLeader { leader });
        }
        let principal = from.peer().map(|peer| peer.principal.clone());
        if let Err(why) = self.admit(principal.as_deref(), cx) {
            let (code, message) = (TooMany::CODE, why.to_string());
            return cx.send(&scheduler, ToScheduler::Refused { code, message });
        }
        let subscribes = call.r#type() == call::Type::Subscribe;
        if subscribes {
            cx.link(scheduler.address());
        }
        let Some(called) = self.peers.called(&scheduler, subscribes) else {
            let message = "framework is not subscribed".to_owned();
            return cx.send(&scheduler, ToScheduler::Refused { code: 403, message });
        };
        let channel = Channel::Process;
        let connection = Some(called.connection);
        let caller = Caller { connection, principal, channel, answer: None };
        if let Err(Rejection { code, message }) = self.submit_call(caller, call, false, cx) {
            cx.send(&scheduler, ToScheduler::Refused { code, message });
        }
        // Whatever became of the call: if it was another framework's, that one has left.
        if let Some(connection) = called.replaced {
            self.note(Event::SubscriberDisconnected { connection }, cx);
        }
    }
}

impl Master {
    /// Submits a call, `carried` by a trace that its scheduler chose or not.
    pub(crate) fn submit_call(
        &mut self,
        caller: Caller,
        call: Box<Call>,
        carried: bool,
        cx: &mut Context<Self>,
    ) -> Result<(), Rejection> {
        let joining = Joining::of(&call, carried);
        let join = |master: &mut Self, cx: &mut Context<Self>| {
            if let Some(joining) = &joining {
                master.join(joining, cx);
            }
        };
        self.submit_then(Event::SchedulerCalled { caller, call }, join, cx)
    }
}
