//! Who may say what: another role's enum is refused before it is decoded, an unknown name is
//! answered and skipped, a broken payload ends its own connection and nothing else.
mod common;
use common::*;
use libproc::{Context, Gate, Node, NodeConfig, Process, Receive, Role, Sender};
use serde::{Deserialize, Serialize};

on_both!(
    another_roles_enum_is_refused_before_it_is_decoded,
    to_ask_is_permitted_apart,
    unknown_names_are_answered_and_skipped,
    a_malformed_payload_closes_only_its_connection,
);

const ADMIN: Role = Role::of("admin");

#[derive(Serialize)]
#[serde(rename = "test.FromAdmin")]
struct FromAdmin(u64);

/// To decode it is to fail the test.
impl<'de> Deserialize<'de> for FromAdmin {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // libproc asks for the name only.
        from.deserialize_newtype_struct("test.FromAdmin", Never)
    }
}

struct Never;

impl serde::de::Visitor<'_> for Never {
    type Value = FromAdmin;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nothing")
    }
    fn visit_u64<E>(self, _: u64) -> Result<FromAdmin, E> {
        panic!("decoded before its role was looked at")
    }
}

struct Guarded(Journal);

impl Process for Guarded {
    const NAME: &'static str = "guarded";
    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<FromAdmin>(&[ADMIN]);
    }
}

impl Receive<FromAdmin> for Guarded {
    fn receive(&mut self, _: FromAdmin, _: &Sender, _: &mut Context<Self>) {
        self.0.note("obeyed");
    }
}

async fn another_roles_enum_is_refused_before_it_is_decoded(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.server.spawn("guarded", Guarded(pair.there.clone())).unwrap();
    pair.link();
    let to = remote::<FromAdmin>(&pair.server, &pair.client, "guarded");
    act(&pair.asker, move |_, cx| cx.send(&to, FromAdmin(1)));
    stage.until("the connection closes", || pair.here.has("exited server: unreachable")).await;
    assert!(!pair.there.has("obeyed"));
    // The process lives, and takes the next connection's messages.
    stage.until("both know", || pair.server.peers().is_empty()).await;
    stage.connect(&pair.client, &pair.server).await;
    pair.ask(Question::Double(2), WITHIN);
    stage.until("an answer", || pair.here.has("answer Ok(4)")).await;
}

/// Admins may tell, clients may ask: neither may do the other.
struct Split;

impl Process for Split {
    const NAME: &'static str = "split";
    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<Question>(&[CLIENT]);
        gate.answers::<Question>(&[ADMIN]);
    }
}

impl Receive<Question> for Split {
    fn receive(&mut self, _: Question, _: &Sender, _: &mut Context<Self>) {}
}

impl libproc::Answer<Question> for Split {
    type Reply = u64;
    fn answer(
        &mut self,
        _: Question,
        _: &Sender,
        reply: libproc::Reply<u64>,
        _: &mut Context<Self>,
    ) {
        reply.send(1);
    }
}

async fn to_ask_is_permitted_apart(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.server.spawn("split", Split).unwrap();
    pair.link();
    let to = remote::<Question>(&pair.server, &pair.client, "split");
    act(&pair.asker, move |_, cx| {
        cx.send(&to, Question::Drop);
        cx.ask_remote(&to, Question::Drop, WITHIN, |me: &mut Probe, got: Result<u64, _>, _| {
            me.journal.note(format!("answer {got:?}"));
        });
    });
    stage.until("an outcome", || pair.here.count("answer") > 0).await;
    assert!(!pair.here.has("answer Ok"), "{:?}", pair.here.lines());
    stage.until("the break", || pair.here.has("exited server")).await;
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "test.Say")]
enum NewerSay {
    Shiny,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "test.Unheard")]
enum Unheard {
    Of,
}

async fn unknown_names_are_answered_and_skipped(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.link();
    pair.send(NewerSay::Shiny);
    pair.send(Unheard::Of);
    pair.send(Say::Number(3));
    stage.until("the known one", || pair.there.has("number 3")).await;
    pair.ask(Unheard::Of, WITHIN);
    stage.until("the answer", || pair.here.has("answer Err(Unsupported)")).await;
    assert_eq!(pair.here.count("exited"), 0, "the connection lives");
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "test.Say")]
enum BrokenSay {
    Number(String),
}

async fn a_malformed_payload_closes_only_its_connection(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.link();
    let other = other_client(&mut stage, &pair.server).await;
    pair.send(BrokenSay::Number("three".into()));
    stage.until("the break", || pair.here.has("exited server: unreachable")).await;
    assert!(pair.server.exit_reason().is_none());
    stage.until("the server knows", || pair.server.peers().len() < 2).await;
    let ids: Vec<_> = pair.server.peers().iter().map(|peer| peer.node).collect();
    assert_eq!(ids, [other.id()], "the other connection lives");
}

async fn other_client(stage: &mut Stage, server: &Node) -> Node {
    let other = stage.node(NodeConfig::new("t", "other")).await;
    stage.connect(&other, server).await;
    other
}
