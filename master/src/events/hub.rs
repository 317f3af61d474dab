//! The process `events`: numbers what happens and hands it to every stream.

use super::record::Past;
use super::subscriber::{Beat, Beginning, Subscriber, Told, MOST_WAITING};
use crate::actor::Master;
use crate::core::happened::Happened;
use crate::leadership::Stage;
use crate::reader::actor::{Reader, THREAD};
use crate::reader::ask::Gathered;
use libproc::http::{header, BodySender, HeaderName, HeaderValue, Response};
use libproc::{
    Address, Context, Exit, Observation, Pid, Process, Reason, Receive, Sender, SpawnError,
};
use meseta_api::codec::Codec;
use meseta_node::http::{Refusal, NO_LEADER};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// After the last stream has ended, what happens is told and remembered for so long, so that one
/// that comes back can go on.
const LINGER: Duration = Duration::from_secs(300);

/// A stream begins.
pub(crate) struct Subscribe {
    pub(crate) codec: Codec,
    pub(crate) body: BodySender,
    pub(crate) state: Box<Gathered>,
    /// It goes on behind the event of this number.
    pub(crate) after: Option<u64>,
}

/// Something happened.
pub(crate) struct Publish(pub(crate) Happened);

/// The reader was started again.
pub(crate) struct ReadBy(pub(crate) Pid<Reader>);

/// Nobody listens any more, unless a stream was opened after this number of them.
struct Unwatched(u64);

/// Time for heartbeats.
#[derive(Clone)]
struct BeatDue;

/// Nobody has come back, unless somebody came after this number of streams.
struct Lonely(u64);

pub(crate) struct Hub {
    master: Pid<Master>,
    reader: Pid<Reader>,
    heartbeat: Duration,
    /// Streams at most; past it the oldest is ended (EVT-03).
    most: usize,
    past: Past,
    streams: BTreeMap<u64, Pid<Subscriber>>,
    by_address: BTreeMap<Address, u64>,
    begun: u64,
    slow: u64,
}

impl Hub {
    /// Starts one beside a master's reader, with the interval of heartbeats and how many streams
    /// there may be.
    pub(crate) fn start(
        reader: &Pid<Reader>,
        (heartbeat, most): (Duration, usize),
        cx: &mut Context<Master>,
    ) -> Result<Pid<Hub>, SpawnError> {
        let hub = Hub {
            master: cx.me().clone(),
            reader: reader.clone(),
            heartbeat,
            most,
            past: Past::default(),
            streams: BTreeMap::new(),
            by_address: BTreeMap::new(),
            begun: 0,
            slow: 0,
        };
        match cx.node().thread(THREAD) {
            Some(thread) => cx.spawn_on(&thread, Self::NAME, hub),
            None => cx.spawn(Self::NAME, hub),
        }
    }

    fn subscribe(&mut self, subscribe: Subscribe, cx: &mut Context<Self>) {
        let Subscribe { codec, body, state, after } = subscribe;
        let last = self.past.last();
        let beginning = match after.and_then(|after| self.past.after(after)) {
            Some(records) => Beginning::Events(records),
            None => Beginning::State(state, last),
        };
        self.begun += 1;
        let id = format!("{}-{}", Subscriber::NAME, self.begun);
        let reader = self.reader.clone();
        let subscriber = Subscriber::new(codec, self.heartbeat, body, beginning, reader);
        let Ok(pid) = cx.spawn(&id, subscriber) else {
            return;
        };
        cx.link(pid.address());
        self.by_address.insert(pid.address().clone(), self.begun);
        self.streams.insert(self.begun, pid);
        if self.streams.len() > self.most {
            if let Some((_, oldest)) = self.streams.pop_first() {
                self.by_address.remove(oldest.address());
                oldest.stop(Reason::Stopped(format!("more than {} streams", self.most)));
            }
        }
    }
}

/// The response to a SUBSCRIBE, and the end to feed it by.
pub(crate) fn open(codec: Codec, leader: &str) -> (Response, BodySender) {
    let (response, body) = Response::stream(MOST_WAITING);
    let media_type = HeaderValue::from_static(codec.media_type());
    let response = response.with_header(header::CONTENT_TYPE, media_type);
    let leader = HeaderValue::from_str(leader);
    let response = match leader {
        Ok(leader) => response.with_header(HeaderName::from_static(super::record::LEADER), leader),
        Err(_) => response,
    };
    (response, body)
}

impl Process for Hub {
    const NAME: &'static str = "events";

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.every(self.heartbeat, BeatDue);
    }

    fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
        let Some(stream) = self.by_address.remove(&exit.who) else {
            return;
        };
        self.streams.remove(&stream);
        if exit.reason != Reason::Normal {
            self.slow += 1;
            tracing::warn!(stream, reason = %exit.reason, "operators' event stream ended");
        }
        if self.streams.is_empty() {
            cx.after(LINGER, Lonely(self.begun));
        }
    }

    fn observe(&self, seen: &mut Observation) {
        seen.metric("master/operator_event_stream_subscribers", self.streams.len() as f64);
        seen.metric("master/operator_event_streams_cut", self.slow as f64);
        seen.metric("master/operator_events", self.past.last() as f64);
        seen.state(json!({ "streams": self.streams.len(), "last": self.past.last() }));
    }
}

impl Receive<Subscribe> for Hub {
    fn receive(&mut self, subscribe: Subscribe, _: &Sender, cx: &mut Context<Self>) {
        self.subscribe(subscribe, cx);
    }
}

impl Receive<Publish> for Hub {
    fn receive(&mut self, published: Publish, _: &Sender, cx: &mut Context<Self>) {
        let Some(event) = published.0.event() else {
            return;
        };
        let record = self.past.add(event);
        for stream in self.streams.values() {
            cx.tell(stream, Told(record.clone()));
        }
    }
}

impl Receive<ReadBy> for Hub {
    fn receive(&mut self, read_by: ReadBy, _: &Sender, _: &mut Context<Self>) {
        self.reader = read_by.0;
    }
}

impl Receive<BeatDue> for Hub {
    fn receive(&mut self, _: BeatDue, _: &Sender, cx: &mut Context<Self>) {
        let last = self.past.last();
        for stream in self.streams.values() {
            cx.tell(stream, Beat(last));
        }
    }
}

impl Receive<Lonely> for Hub {
    fn receive(&mut self, lonely: Lonely, _: &Sender, cx: &mut Context<Self>) {
        if self.streams.is_empty() && lonely.0 == self.begun {
            self.past.forget();
            cx.tell(&self.master.clone(), Unwatched(self.begun));
        }
    }
}

impl Receive<Unwatched> for Master {
    fn receive(&mut self, unwatched: Unwatched, _: &Sender, _: &mut Context<Self>) {
        if let Stage::Serving(serving) = &mut self.stage {
            if serving.streams == unwatched.0 {
                serving.core.watch(false);
            }
        }
    }
}

impl Master {
    /// Opens an event stream, which goes on behind the event that the header `after` names.
    pub(crate) fn follow(
        &mut self,
        codec: Codec,
        after: Option<&str>,
        cx: &mut Context<Self>,
    ) -> Response {
        let gathered = self.gathered();
        let (Stage::Serving(serving), Some(state)) = (&mut self.stage, gathered) else {
            return Refusal::new(503, NO_LEADER).into();
        };
        let leader = serving.core.identity().master_id.to_string();
        let (response, body) = open(codec, &leader);
        serving.streams += 1;
        serving.core.watch(true);
        let state = Box::new(state);
        let after = super::record::after(after, &leader);
        cx.tell(&serving.events, Subscribe { codec, body, state, after });
        response
    }

    /// Tells what happened to those who follow.
    pub(crate) fn publish(&mut self, fact: Happened, cx: &mut Context<Self>) {
        if let Stage::Serving(serving) = &self.stage {
            cx.tell(&serving.events, Publish(fact));
        }
    }
}
