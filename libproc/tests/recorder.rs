//! The flight recorder: the last messages of each process, in the log when a handler panics and
//! for whoever asks; nothing of it where it is off.
mod common;
use common::*;
use libproc::{FlightRecord, NodeConfig};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

on_both!(
    the_last_messages_are_kept,
    off_keeps_nothing,
    remote_messages_are_recorded_with_sender_and_payload,
);

fn recording(last: usize) -> NodeConfig {
    NodeConfig { recorder: last, ..listening("s") }
}

/// What was recorded, once the process is out of its step.
async fn record(stage: &mut Stage, node: &libproc::Node, id: &str) -> FlightRecord {
    let mut seen = None;
    stage
        .until("a record", || {
            seen = node.flight_record(id);
            seen.is_some()
        })
        .await;
    seen.unwrap()
}

async fn the_last_messages_are_kept(mut stage: Stage) {
    let node = stage.node(recording(4)).await;
    let journal = Journal::default();
    let probe = node.spawn("probe", Probe::new(&journal)).unwrap();
    let teller = node.spawn("teller", Probe::new(&journal)).unwrap();
    let to = probe.clone();
    act(&teller, move |_, cx| {
        for n in 0..6 {
            cx.tell(&to, Say::Number(n));
        }
    });
    stage.until("handled", || journal.count("number") == 6).await;
    probe.ask(Question::Double(1), |_| {});
    act(&probe, |me, cx| {
        cx.after(Duration::from_millis(1), Say::Ping);
        me.journal.note("armed");
    });
    stage.until("the timer", || journal.has("ping")).await;
    let record = record(&mut stage, &node, "probe").await;
    let last: Vec<_> = record.last.iter().map(|record| record.what.as_str()).collect();
    assert_eq!(last, ["Say", "Question", "Do", "timer"]);
    let said = &record.last[0];
    assert_eq!(said.from.as_ref(), Some(teller.address()));
    assert!(said.bytes >= size_of::<Say>() as u64, "{said:?}");
    assert!(record.last.is_sorted_by_key(|record| record.at));
    assert_eq!(record.last[1].from, None);
    let times: u64 = record.handler_times.iter().map(|(_, messages)| messages).sum();
    assert_eq!(times, 10, "its start, six numbers, a question, a deed and a timer");
    assert!(node.flight_record("nobody").is_none());
}

async fn off_keeps_nothing(mut stage: Stage) {
    let pair = stage.pair().await;
    pair.send(Say::Ping);
    stage.until("handled", || pair.there.has("ping")).await;
    assert_eq!(pair.server.flight_record("server"), None);
}

async fn remote_messages_are_recorded_with_sender_and_payload(mut stage: Stage) {
    let (here, there) = (Journal::default(), Journal::default());
    let server = stage.node(recording(8)).await;
    let client = stage.node(NodeConfig::new("t", "c")).await;
    server.spawn("server", Probe::new(&there)).unwrap();
    let asker = client.spawn("client", Probe::new(&here)).unwrap();
    stage.connect(&client, &server).await;
    let to = remote::<Say>(&server, &client, "server");
    act(&asker, move |_, cx| cx.send(&to, Say::Number(70_000)));
    stage.until("handled", || there.has("number 70000")).await;
    let record = record(&mut stage, &server, "server").await;
    let said = record.last.last().unwrap();
    assert_eq!(said.what, "Say");
    assert_eq!(said.from.as_ref(), Some(asker.address()));
    let payload = rmp_serde::to_vec_named(&Say::Number(70_000)).unwrap();
    assert_eq!(said.bytes, payload.len() as u64);
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_panic_writes_what_led_to_it_into_the_log() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::ERROR)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        over_sim(|mut stage| async move {
            let node = stage.node(recording(3)).await;
            let journal = Journal::default();
            let probe = node.spawn("probe", Probe::new(&journal)).unwrap();
            for n in 0..5 {
                probe.tell(Say::Number(n));
            }
            probe.ask(Question::Boom, |_| {});
            stage.until("its end", || node.flight_record("probe").is_none()).await;
        });
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let at = text.find("a handler panicked").unwrap_or_else(|| panic!("{text}"));
    let dump: Vec<&str> = text[at..].lines().collect();
    assert!(dump[0].contains("the last 3 it handled"), "{text}");
    let [first, second, last] = dump[1..4] else { panic!("{text}") };
    assert!(first.contains(" Say from nobody, ") && second.contains(" Say "), "{text}");
    assert!(last.contains(" Question from nobody, ") && last.contains(" B, queued "), "{text}");
}
