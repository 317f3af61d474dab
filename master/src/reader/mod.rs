//! Long reads, away from the master's thread: agents, frameworks, tasks, as v1 messages and as the
//! documents that are older.
//!
//! - **State**: the process [`actor::Reader`] has the requests that wait, and what it made of
//!   blocks of the state ([`Kitchen`]), for as long as somebody reads and the blocks do not change.
//! - **Fed by** the master's HTTP side with [`ask::Asked`]; takes one
//!   [`Snapshot`](crate::core::Snapshot) of the master for all requests that wait, which is all
//!   that the master's thread has to do for them.
//! - **Emits** responses in parts that several of them share.
//! - **Read next**: `core/shelf.rs` for why a snapshot costs nothing, `v1.rs` and `classic.rs` for
//!   the blocks, `rope.rs` and `message.rs` for what is put around them.
//!
//! What is kept is bytes: about what a response weighs, in each form that is polled. Nothing is
//! kept of a state that nobody reads ([`actor::KEEP`]).

pub(crate) mod actor;
pub mod ask;
mod classic;
mod message;
pub mod rope;
mod v1;

use crate::core::agents::Agent;
use crate::core::queries::{Books, Sums};
use crate::core::shelf::{Block, Kept};
use crate::core::tasks::Task;
use ask::{Gathered, Question};
use classic::Classic;
use libproc::http::{header, HeaderValue, Response, StatusCode};
use meseta_api::codec::Codec;
use meseta_api::ids::{AgentId, TaskId};
use meseta_api::v1::master::call::Type;
use meseta_node::http::document::{callback, script};
use meseta_node::http::{Query, Refusal};
use rope::Rope;
use std::time::Duration;
use v1::V1;

type TaskBlock = Block<TaskId, Kept<Task>>;
type HistoryBlock = Block<u64, (TaskId, Kept<Task>)>;
type AgentBlock = Block<AgentId, Kept<Agent>>;

/// Longest body that is put together: what is longer stays in its parts.
const WHOLE: usize = 64 * 1024;

/// What was made of blocks, by the form in which it was asked for; fed one state after the other.
pub struct Kitchen {
    sums: Sums,
    json: V1,
    protobuf: V1,
    classic: Classic,
}

impl Default for Kitchen {
    fn default() -> Self {
        Kitchen {
            sums: Sums::default(),
            json: V1::new(Codec::Json),
            protobuf: V1::new(Codec::Protobuf),
            classic: Classic::default(),
        }
    }
}

impl Kitchen {
    /// The body of the answer to one question.
    ///
    /// # Errors
    /// 400 for parameters that mean nothing.
    pub fn answer(&mut self, gathered: &Gathered, question: &Question) -> Result<Rope, Refusal> {
        let books = Books::of(&gathered.state, &mut self.sums);
        self.sums.sweep();
        self.cook(gathered, &books, question)
    }

    /// The SUBSCRIBED of an operator's event stream that begins with this state.
    pub(crate) fn subscribed(
        &mut self,
        gathered: &Gathered,
        codec: Codec,
        heartbeat: Duration,
    ) -> Rope {
        let books = Books::of(&gathered.state, &mut self.sums);
        self.sums.sweep();
        let form = match codec {
            Codec::Json => &mut self.json,
            Codec::Protobuf => &mut self.protobuf,
        };
        let rope = form.subscribed(&gathered.state, &books, heartbeat);
        form.sweep(Type::GetState);
        rope
    }

    /// Answers questions of one state, each once.
    pub(crate) fn serve<'q>(
        &mut self,
        gathered: &Gathered,
        questions: impl Iterator<Item = &'q Question>,
    ) -> Vec<Response> {
        let books = Books::of(&gathered.state, &mut self.sums);
        self.sums.sweep();
        let mut known: Vec<(&Question, Rope)> = Vec::new();
        let answers = questions.map(|question| {
            let found = known.iter().find(|(known, _)| *known == question);
            let rope = match found {
                Some((_, rope)) => rope.clone(),
                None => match self.cook(gathered, &books, question) {
                    Ok(rope) => {
                        known.push((question, rope.clone()));
                        rope
                    }
                    Err(refusal) => return refusal.into(),
                },
            };
            served(question, rope)
        });
        answers.collect()
    }

    fn cook(
        &mut self,
        gathered: &Gathered,
        books: &Books<'_>,
        question: &Question,
    ) -> Result<Rope, Refusal> {
        match question {
            Question::V1 { kind, codec } => Ok(self.v1(gathered, books, *kind, *codec)),
            Question::Document { which, query } => {
                let body = self.classic.document(gathered, books, *which, query)?;
                wrapped(query, body)
            }
        }
    }

    fn v1(&mut self, gathered: &Gathered, books: &Books<'_>, kind: Type, codec: Codec) -> Rope {
        let form = match codec {
            Codec::Json => &mut self.json,
            Codec::Protobuf => &mut self.protobuf,
        };
        let rope = form.response(kind, &gathered.state, books);
        form.sweep(kind);
        rope
    }
}

/// A document, or a call of the function that `jsonp` names.
fn wrapped(query: &Query, body: Rope) -> Result<Rope, Refusal> {
    let Some(callback) = callback(query)? else {
        return Ok(body);
    };
    let mut out = Rope::default();
    out.write(callback.as_bytes());
    out.write(b"(");
    out.append(body);
    out.write(b");");
    Ok(out)
}

fn served(question: &Question, body: Rope) -> Response {
    let media_type = |text| {
        let value = HeaderValue::from_static(text);
        Response::status(StatusCode::OK).with_header(header::CONTENT_TYPE, value)
    };
    let response = match question {
        Question::V1 { codec, .. } => media_type(codec.media_type()),
        Question::Document { query, .. } => match callback(query) {
            Ok(Some(_)) => script(),
            _ => media_type(Codec::Json.media_type()),
        },
    };
    match body.len() {
        0..=WHOLE => response.with_body(body.to_vec()),
        _ => response.with_parts(body.into_parts()),
    }
}
