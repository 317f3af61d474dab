//! The process `reader`: answers long reads on the node's thread [`THREAD`], if it has one.
//!
//! All requests that wait when it has time are answered of one snapshot, and those that ask the
//! same share one answer: many pollers cost what one does, but for the copying of bytes to sockets.
//! What they are told is never older than their request.

use super::ask::{Asked, Gather, Gathered, Question, Render};
use super::Kitchen;
use crate::actor::Master;
use crate::events::hub::ReadBy;
use crate::leadership::Stage;
use libproc::http::Response;
use libproc::{
    Answer, AskError, Context, Exit, Instant, Observation, Pid, Process, Reason, Receive, Reply,
    Sender, SpawnError,
};
use meseta_api::internal::master::OperatorAnswer;
use meseta_node::http::Refusal;
use serde_json::json;
use std::time::Duration;

/// The thread of a node on which long reads are answered, where its configuration names it.
pub const THREAD: &str = "reads";

/// What was made of blocks is kept for so long after it was read: longer than the minute at which
/// exporters of metrics and name servers poll.
pub(crate) const KEEP: Duration = Duration::from_secs(150);

/// A master that does not give its state within this long has other worries.
const GATHER_WITHIN: Duration = Duration::from_secs(30);

/// Nobody has read for a while.
struct Idle;

pub(crate) struct Reader {
    master: Pid<Master>,
    waiting: Vec<Asked>,
    gathering: bool,
    kitchen: Kitchen,
    last: Instant,
    /// Something is kept, and will be looked after.
    kept: bool,
    snapshots: u64,
    answers: u64,
}

impl Reader {
    pub(crate) fn new(master: Pid<Master>) -> Self {
        Reader {
            master,
            waiting: Vec::new(),
            gathering: false,
            kitchen: Kitchen::default(),
            last: Instant::ZERO,
            kept: false,
            snapshots: 0,
            answers: 0,
        }
    }

    /// Starts one for a master, and links the master to it.
    pub(crate) fn start(cx: &mut Context<Master>) -> Result<Pid<Reader>, SpawnError> {
        let reader = Reader::new(cx.me().clone());
        let reader = match cx.node().thread(THREAD) {
            Some(thread) => cx.spawn_on(&thread, Self::NAME, reader)?,
            None => cx.spawn(Self::NAME, reader)?,
        };
        cx.link(reader.address());
        Ok(reader)
    }

    /// Asks for the state, for all that wait now.
    fn gather(&mut self, cx: &mut Context<Self>) {
        if self.gathering || self.waiting.is_empty() {
            return;
        }
        self.gathering = true;
        let asked = std::mem::take(&mut self.waiting);
        let master = self.master.clone();
        cx.ask(&master, Gather, GATHER_WITHIN, move |reader: &mut Self, gathered, cx| {
            reader.gathered(asked, gathered, cx);
        });
    }

    fn gathered(
        &mut self,
        asked: Vec<Asked>,
        gathered: Result<Option<Gathered>, AskError>,
        cx: &mut Context<Self>,
    ) {
        self.gathering = false;
        self.answers += asked.len() as u64;
        match gathered {
            Ok(Some(gathered)) => self.serve(asked, &gathered),
            Ok(None) | Err(_) => asked.into_iter().for_each(refuse),
        }
        self.read(cx);
        self.gather(cx);
    }

    /// What was made is kept for a while from now.
    fn read(&mut self, cx: &mut Context<Self>) {
        self.last = cx.now();
        if !self.kept {
            self.kept = true;
            cx.after(KEEP, Idle);
        }
    }

    fn serve(&mut self, asked: Vec<Asked>, gathered: &Gathered) {
        self.snapshots += 1;
        let mut http: Vec<(Question, Reply<Response>)> = Vec::new();
        for asked in asked {
            match asked {
                Asked::Http(question, reply) => http.push((question, reply)),
                Asked::Process(kind, reply) => reply.send(match gathered.state.query(kind) {
                    Some(response) => OperatorAnswer::Response(Box::new(response)),
                    None => OperatorAnswer::Refused { code: 501, message: "no such read".into() },
                }),
            }
        }
        if http.is_empty() {
            return;
        }
        let answers = self.kitchen.serve(gathered, http.iter().map(|(question, _)| question));
        for ((_, reply), answer) in http.into_iter().zip(answers) {
            reply.send(answer);
        }
    }
}

impl Master {
    /// Hands a read to the reader. Who asks is served already, and this master leads.
    pub(crate) fn read(&mut self, asked: Asked, cx: &mut Context<Self>) {
        match &self.stage {
            Stage::Serving(serving) => cx.tell(&serving.reader, asked),
            Stage::Standby | Stage::Recovering => refuse(asked),
        }
    }

    /// Starts the reader again if it is what ended; true if it was. Reads that it had are answered
    /// as abandoned.
    pub(crate) fn reader_ended(&mut self, exit: &Exit, cx: &mut Context<Self>) -> bool {
        let Stage::Serving(serving) = &mut self.stage else {
            return false;
        };
        if exit.who != *serving.reader.address() {
            return false;
        }
        tracing::error!(reason = %exit.reason, "the reader ended");
        match Reader::start(cx) {
            Ok(reader) => {
                cx.tell(&serving.events, ReadBy(reader.clone()));
                serving.reader = reader;
            }
            Err(error) => cx.exit_node(Reason::Stopped(error.to_string())),
        }
        true
    }
}

fn refuse(asked: Asked) {
    match asked {
        Asked::Http(_, reply) => {
            reply.send(Refusal::new(503, "the master does not give its state").into());
        }
        Asked::Process(_, reply) => reply.send(OperatorAnswer::NotLeader { leader: None }),
    }
}

impl Process for Reader {
    const NAME: &'static str = "reader";

    fn observe(&self, seen: &mut Observation) {
        seen.metric("master/read_snapshots", self.snapshots as f64);
        seen.metric("master/reads", self.answers as f64);
        seen.metric("master/event_queue_http_requests", self.waiting.len() as f64);
        // Answered of a state that was gathered for another.
        let shared = self.answers.saturating_sub(self.snapshots);
        seen.metric("master/http_cache_hits", shared as f64);
        seen.state(json!({ "waiting": self.waiting.len(), "keeps": self.kept }));
    }
}

impl Receive<Asked> for Reader {
    fn receive(&mut self, asked: Asked, _: &Sender, cx: &mut Context<Self>) {
        self.waiting.push(asked);
        self.gather(cx);
    }
}

impl Answer<Render> for Reader {
    type Reply = Vec<u8>;

    fn answer(
        &mut self,
        render: Render,
        _: &Sender,
        reply: Reply<Vec<u8>>,
        cx: &mut Context<Self>,
    ) {
        let Render { gathered, codec, heartbeat } = render;
        reply.send(self.kitchen.subscribed(&gathered, codec, heartbeat).to_vec());
        self.read(cx);
    }
}

impl Receive<Idle> for Reader {
    fn receive(&mut self, _: Idle, _: &Sender, cx: &mut Context<Self>) {
        let idle = cx.now().since(self.last);
        if idle < KEEP {
            cx.after(KEEP - idle, Idle);
            return;
        }
        self.kept = false;
        self.kitchen = Kitchen::default();
    }
}
