//! The process `subscriber-<n>`: one event stream. Bounded in bytes: who does not read what it asked
//! for is cut off with a reason, and slows nobody.

use super::record::{numbered, Record};
use crate::reader::actor::Reader;
use crate::reader::ask::{Gathered, Render};
use libproc::http::{BodySender, StreamClosed};
use libproc::{AskError, Context, Observation, Pid, Process, Reason, Receive, Sender};
use meseta_api::codec::Codec;
use meseta_api::recordio;
use meseta_api::v1::master::event::Type;
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
    /// Behind an event, with these.
    Events(Vec<Arc<Record>>),
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
    beginning: Option<Beginning>,
    reader: Pid<Reader>,
    /// What happened while the state is on its way; none once it has gone out.
    waiting: Option<VecDeque<Arc<Record>>>,
    waiting_bytes: usize,
    told: u64,
}

impl Subscriber {
    pub(super) fn new(
        codec: Codec,
        heartbeat: Duration,
        body: BodySender,
        beginning: Beginning,
        reader: Pid<Reader>,
    ) -> Self {
        Subscriber {
            codec,
            heartbeat,
            body,
            beginning: Some(beginning),
            reader,
            waiting: None,
            waiting_bytes: 0,
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
            Some(Beginning::Events(records)) => {
                for record in records {
                    self.tell(&record, cx);
                }
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

    fn catch_up(&mut self, cx: &mut Context<Self>) {
        for record in self.waiting.take().into_iter().flatten() {
            self.tell(&record, cx);
        }
        self.waiting_bytes = 0;
    }

    fn tell(&mut self, record: &Record, cx: &mut Context<Self>) {
        self.told += 1;
        self.send(record.framed(self.codec), cx);
    }

    fn beat(&mut self, number: u64, cx: &mut Context<Self>) {
        let event = Event { r#type: Some(Type::Heartbeat.into()), ..Default::default() };
        let encoded = numbered(self.codec, self.codec.encode(&event), number);
        self.send(recordio::encode(&encoded).into(), cx);
    }

    /// False if the stream is over.
    fn send(&mut self, chunk: bytes::Bytes, cx: &mut Context<Self>) -> bool {
        match self.body.send(chunk) {
            Ok(()) => true,
            Err(StreamClosed::Gone) => {
                cx.stop(Reason::Normal);
                false
            }
            Err(StreamClosed::Full) => {
                cx.stop(Reason::Stopped(too_slow()));
                false
            }
        }
    }
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

    fn observe(&self, seen: &mut Observation) {
        let waits = self.waiting.as_ref().map(VecDeque::len);
        seen.state(json!({ "told": self.told, "waits_for_its_state": waits }));
    }
}

impl Receive<Told> for Subscriber {
    fn receive(&mut self, told: Told, _: &Sender, cx: &mut Context<Self>) {
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
