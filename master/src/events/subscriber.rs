//! The process `subscriber-<n>`: one event stream. Bounded in bytes: who does not read what it asked
//! for is cut off with a reason, and slows nobody.

use super::record::{farewell, numbered, Record};
use super::wanted::Wanted;
use crate::reader::actor::Reader;
use crate::reader::ask::{Gathered, Render};
use libproc::http::BodySender;
use libproc::{AskError, Context, Observation, Pid, Process, Reason, Receive, Sender};
use meseta_api::codec::Codec;
use meseta_api::recordio;
use meseta_api::v1::master::event::{self, Type};
use meseta_api::v1::master::Event;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of events that may wait for a client.
pub(super) const MOST_WAITING: usize = 4 * 1024 * 1024;

/// A state that is not written within this long will not be.
const STATE_WITHIN: Duration = Duration::from_secs(120);

/// How a stream begins.
pub(crate) enum Beginning {
    /// With the state of a moment, up to the event of this number.
    State(Box<Gathered>, u64),
    /// Without it, behind the event of this number.
    Now(u64),
    /// With these, the last of which has this number.
    Events(Vec<Arc<Record>>, u64),
}

/// An event happened.
pub(super) struct Told(pub(super) Arc<Record>);

/// Time for a HEARTBEAT, after the event of this number.
#[derive(Clone)]
pub(super) struct Beat(pub(super) u64);

pub(super) struct Subscriber {
    codec: Codec,
    heartbeat: Duration,
    body: BodySender,
    wanted: Wanted,
    beginning: Option<Beginning>,
    reader: Pid<Reader>,
    /// What goes out behind the beginning, as fast as the client reads; none once it has caught up.
    waiting: Option<VecDeque<Arc<Record>>>,
    /// How many of them are of the past, which is kept anyway.
    past: usize,
    /// Bytes of the others.
    waiting_bytes: usize,
    /// The number of the HEARTBEAT that ends the past.
    beat_at: Option<u64>,
    told: u64,
}

impl Subscriber {
    pub(super) fn new(
        codec: Codec,
        heartbeat: Duration,
        body: BodySender,
        wanted: Wanted,
        beginning: Beginning,
        reader: Pid<Reader>,
    ) -> Self {
        Subscriber {
            codec,
            heartbeat,
            body,
            wanted,
            beginning: Some(beginning),
            reader,
            waiting: None,
            past: 0,
            waiting_bytes: 0,
            beat_at: None,
            told: 0,
        }
    }

    fn begin(&mut self, cx: &mut Context<Self>) {
        match self.beginning.take() {
            Some(Beginning::State(gathered, number)) => {
                self.waiting = Some(VecDeque::new());
                let (reader, codec) = (self.reader.clone(), self.codec);
                let heartbeat = self.heartbeat;
                let ask = Render { gathered, codec, heartbeat };
                cx.ask(&reader, ask, STATE_WITHIN, move |subscriber: &mut Self, state, cx| {
                    subscriber.state(state, number, cx);
                });
            }
            Some(Beginning::Now(number)) => {
                let (kind, interval) = (Type::Subscribed, self.heartbeat.as_secs_f64());
                let subscribed = event::Subscribed {
                    heartbeat_interval_seconds: Some(interval),
                    ..Default::default()
                };
                let subscribed = Event { subscribed: Some(subscribed), ..of(kind) };
                self.say(&subscribed, number, cx);
                self.beat(number, cx);
            }
            Some(Beginning::Events(records, number)) => {
                self.past = records.len();
                self.waiting = Some(records.into());
                self.beat_at = Some(number);
                self.catch_up(cx);
            }
            None => {}
        }
    }

    /// The state is written: it goes out, and when the client has read it what waits meanwhile.
    fn state(&mut self, state: Result<Vec<u8>, AskError>, number: u64, cx: &mut Context<Self>) {
        let state = match state {
            Ok(state) => numbered(self.codec, state, number),
            Err(error) => {
                return cx.stop(Reason::Stopped(format!("no state to begin with: {error}")))
            }
        };
        // Alone in the queue it may be longer than what may wait.
        if self.send(recordio::encode(&state).into(), cx) {
            self.beat(number, cx);
            let room = self.body.room(MOST_WAITING / 2);
            cx.defer(room, |subscriber: &mut Self, (), cx| subscriber.catch_up(cx));
        }
    }

    /// Sends what waits, and leaves half of the room for what happens next.
    fn catch_up(&mut self, cx: &mut Context<Self>) {
        loop {
            if self.past == 0 {
                if let Some(number) = self.beat_at.take() {
                    self.beat(number, cx);
                }
            }
            let Some(record) = self.waiting.as_mut().and_then(VecDeque::pop_front) else {
                self.waiting = None;
                return;
            };
            let length = record.framed(self.codec).len();
            let need = length.saturating_add(MOST_WAITING / 2);
            if !self.body.fits(need) {
                self.waiting.get_or_insert_default().push_front(record);
                let room = self.body.room(need);
                return cx.defer(room, |subscriber: &mut Self, (), cx| subscriber.catch_up(cx));
            }
            match self.past.checked_sub(1) {
                Some(past) => self.past = past,
                None => self.waiting_bytes = self.waiting_bytes.saturating_sub(length),
            }
            self.tell(&record, cx);
        }
    }

    fn tell(&mut self, record: &Record, cx: &mut Context<Self>) {
        if self.wanted.wants(&record.event) {
            self.told += 1;
            self.send(record.framed(self.codec), cx);
        }
    }

    fn beat(&mut self, number: u64, cx: &mut Context<Self>) {
        self.say(&of(Type::Heartbeat), number, cx);
    }

    fn say(&mut self, event: &Event, number: u64, cx: &mut Context<Self>) {
        let encoded = numbered(self.codec, self.codec.encode(event), number);
        self.send(recordio::encode(&encoded).into(), cx);
    }

    /// False if the stream is over.
    fn send(&mut self, chunk: bytes::Bytes, cx: &mut Context<Self>) -> bool {
        if !self.body.fits(chunk.len()) {
            cx.stop(Reason::Stopped(too_slow()));
            return false;
        }
        let sent = self.body.send(chunk).is_ok();
        if !sent {
            // The client has gone.
            cx.stop(Reason::Normal);
        }
        sent
    }
}

fn of(kind: Type) -> Event {
    Event { r#type: Some(kind.into()), ..Default::default() }
}

fn too_slow() -> String {
    format!("more than {MOST_WAITING} bytes wait for the client")
}

impl Process for Subscriber {
    const NAME: &'static str = "subscriber";

    fn started(&mut self, cx: &mut Context<Self>) {
        let closed = self.body.closed();
        cx.defer(closed, |_: &mut Self, (), cx| cx.stop(Reason::Normal));
        self.begin(cx);
    }

    fn stopped(&mut self, reason: &Reason, _: &mut Context<Self>) {
        let why = match reason {
            Reason::Normal => return,
            Reason::Stopped(why) => why.clone(),
            other => other.to_string(),
        };
        self.body.cut(farewell(self.codec, &why));
    }

    fn observe(&self, seen: &mut Observation) {
        let waits = self.waiting.as_ref().map(VecDeque::len);
        seen.state(json!({ "told": self.told, "waits_for_its_state": waits }));
    }
}

impl Receive<Told> for Subscriber {
    fn receive(&mut self, told: Told, _: &Sender, cx: &mut Context<Self>) {
        if !self.wanted.wants(&told.0.event) {
            return;
        }
        let Some(waiting) = &mut self.waiting else {
            return self.tell(&told.0, cx);
        };
        self.waiting_bytes += told.0.framed(self.codec).len();
        waiting.push_back(told.0);
        if self.waiting_bytes > MOST_WAITING {
            cx.stop(Reason::Stopped(too_slow()));
        }
    }
}

impl Receive<Beat> for Subscriber {
    fn receive(&mut self, beat: Beat, _: &Sender, cx: &mut Context<Self>) {
        if self.waiting.is_none() {
            self.beat(beat.0, cx);
        }
    }
}
