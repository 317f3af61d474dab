//! Messages of many MiB: they arrive whole and in their place, and over TCP nobody else waits for
//! them.
mod common;
use common::*;
use libproc::{Answer, Context, Gate, Process, Receive, Remote, Reply, Sender};
use serde::{Deserialize, Serialize};

on_both!(a_long_message_keeps_its_place, a_long_request_has_a_long_answer, too_long_is_not_sent);

#[derive(Serialize, Deserialize)]
#[serde(rename = "test.Text")]
struct Text(u64, String);

#[derive(Serialize, Deserialize)]
#[serde(rename = "test.Twice")]
struct Twice(String);

fn text(n: u64, length: usize) -> Text {
    Text(n, char::from(b'a' + (n % 26) as u8).to_string().repeat(length))
}

struct Reader(Journal);

impl Process for Reader {
    const NAME: &'static str = "reader";
    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<Text>(&[CLIENT]);
        gate.answers::<Twice>(&[CLIENT]);
    }
}

impl Receive<Text> for Reader {
    fn receive(&mut self, said: Text, _: &Sender, cx: &mut Context<Self>) {
        let expected = text(said.0, said.1.len());
        assert!(said.1 == expected.1, "{} is not what was sent", said.0);
        self.0.note(format!("{} {} {}", cx.address().id, said.0, said.1.len()));
    }
}

impl Answer<Twice> for Reader {
    type Reply = String;
    fn answer(&mut self, asked: Twice, _: &Sender, reply: Reply<String>, _: &mut Context<Self>) {
        reply.send(asked.0.repeat(2));
    }
}

async fn reader(stage: &mut Stage) -> (Pair, Remote<Text>) {
    let pair = stage.pair().await;
    pair.server.spawn("reader", Reader(pair.there.clone())).unwrap();
    let to = remote(&pair.server, &pair.client, "reader");
    (pair, to)
}

async fn a_long_message_keeps_its_place(mut stage: Stage) {
    let (pair, to) = reader(&mut stage).await;
    let lengths = [1, 500_000, 2, 65_500, 65_536, 70_000, 3, 9_000_000, 4, 5, 200_000, 6];
    act(&pair.asker, move |_, cx| {
        for (n, length) in lengths.into_iter().enumerate() {
            cx.send(&to, text(n as u64, length));
        }
    });
    let expected: Vec<_> =
        lengths.iter().enumerate().map(|(n, length)| format!("reader {n} {length}")).collect();
    stage.until("all", || pair.there.lines().len() >= lengths.len()).await;
    assert_eq!(pair.there.lines(), expected);
    stage.until("nothing is held", || pair.server.counts().held_bytes == 0).await;
    assert_eq!(pair.client.counts().waiting_bytes, 0);
}

async fn a_long_request_has_a_long_answer(mut stage: Stage) {
    let (pair, to) = reader(&mut stage).await;
    let to: Remote<Twice> = pair.client.peers()[0].remote(&to.address().id);
    act(&pair.asker, move |_, cx| {
        let asked = Twice("é".repeat(500_000));
        cx.ask_remote(&to, asked, WITHIN, |me: &mut Probe, got: Result<String, _>, _| {
            let got = got.map(|text| text == "é".repeat(1_000_000));
            me.journal.note(format!("answer {got:?}"));
        });
    });
    stage.until("the answer", || pair.here.count("answer") > 0).await;
    assert_eq!(pair.here.lines(), ["answer Ok(true)"]);
}

async fn too_long_is_not_sent(mut stage: Stage) {
    let (pair, to) = reader(&mut stage).await;
    let asked: Remote<Twice> = pair.client.peers()[0].remote(&to.address().id);
    act(&pair.asker, move |_, cx| {
        cx.send(&to, text(1, 17 * 1024 * 1024));
        let much = Twice("x".repeat(17 * 1024 * 1024));
        cx.ask_remote(&asked, much, WITHIN, |me: &mut Probe, got: Result<String, _>, _| {
            me.journal.note(format!("answer {}", got.unwrap_err()));
        });
        cx.send(&to, text(2, 3));
    });
    stage.until("the next", || pair.there.has("reader 2 3")).await;
    stage
        .until("an outcome", || pair.here.count("answer request or answer is malformed") > 0)
        .await;
    assert_eq!(pair.there.lines(), ["reader 2 3"]);
    assert_eq!(pair.client.counts().dropped, 1);
    assert_eq!(pair.client.peers().len(), 1);
}

/// Everything is queued in one step, the long ones first: those who have little to say are heard
/// before.
#[test]
fn nobody_waits_for_anothers_long_message() {
    over_tcp(|mut stage| async move {
        let (pair, to) = reader(&mut stage).await;
        pair.server.spawn("other", Reader(pair.there.clone())).unwrap();
        let other: Remote<Text> = remote(&pair.server, &pair.client, "other");
        act(&pair.asker, move |_, cx| {
            for n in 0..3 {
                cx.send(&to, text(n, 5_000_000));
            }
            cx.send(&other, text(9, 1));
        });
        stage.until("all", || pair.there.lines().len() == 4).await;
        let expected = ["other 9 1", "reader 0 5000000", "reader 1 5000000", "reader 2 5000000"];
        assert_eq!(pair.there.lines(), expected);
    });
}
