//! LP-07: what waits for a process is counted, in messages and bytes; over its author's limit it
//! is refused where one can see it, and no flood grows past it.
mod common;
use common::*;
use libproc::{
    Answer, AskError, Context, Full, Limit, Node, NodeConfig, Pid, Process, Reason, Receive, Reply,
    Sender,
};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::Arc;

on_both!(
    messages_and_bytes_are_counted,
    a_message_over_the_limit_comes_back,
    a_request_over_the_limit_is_abandoned,
    control_passes_a_full_queue,
    an_alarm_is_raised_once,
    remote_messages_obey_the_limit,
);

const LIMIT: Limit = Limit { messages: 10, bytes: 10_000 };

/// Keeps nothing, and takes ten messages at a time.
struct Narrow(Journal);

/// Owns so many bytes.
struct Load(Vec<u8>);
struct Question;

impl Process for Narrow {
    const NAME: &'static str = "narrow";
    const LIMIT: Option<Limit> = Some(LIMIT);
    fn gate(gate: &mut libproc::Gate<Self>) {
        gate.receives::<Say>(&[CLIENT, SERVER]);
    }
    fn stopped(&mut self, reason: &Reason, _: &mut Context<Self>) {
        self.0.note(format!("stopped: {reason}"));
    }
}

impl Receive<Load> for Narrow {
    fn receive(&mut self, _: Load, _: &Sender, _: &mut Context<Self>) {
        self.0.note("load");
    }
    fn owned(load: &Load) -> usize {
        load.0.capacity()
    }
}

impl Receive<Say> for Narrow {
    fn receive(&mut self, _: Say, _: &Sender, cx: &mut Context<Self>) {
        self.0.note(format!("said, {} wait", cx.me().queue().messages));
    }
}

impl Answer<Question> for Narrow {
    type Reply = u64;
    fn answer(&mut self, _: Question, _: &Sender, reply: Reply<u64>, _: &mut Context<Self>) {
        reply.send(1);
    }
}

async fn narrow(stage: &mut Stage) -> (Node, Pid<Narrow>, Pid<Probe>, Journal) {
    let node = stage.node(NodeConfig::new("t", "queues")).await;
    let journal = Journal::default();
    let narrow = node.spawn("narrow", Narrow(journal.clone())).unwrap();
    let probe = node.spawn("probe", Probe::new(&journal)).unwrap();
    (node, narrow, probe, journal)
}

async fn messages_and_bytes_are_counted(mut stage: Stage) {
    let (_node, narrow, probe, journal) = narrow(&mut stage).await;
    let sink = narrow.clone();
    // Within one step of another process nothing is handled.
    act(&probe, move |me, cx| {
        let empty = sink.queue();
        cx.tell(&sink, Load(Vec::new()));
        let one = sink.queue();
        cx.tell(&sink, Load(Vec::with_capacity(1000)));
        let two = sink.queue();
        me.journal.note(format!("{} {} {}", empty.messages, one.messages, two.messages));
        me.journal.note(format!("more {}", two.bytes - one.bytes * 2));
    });
    stage.until("handled", || journal.count("load") == 2).await;
    assert_eq!(journal.lines()[..2], ["0 1 2", "more 1000"]);
    let queue = narrow.queue();
    assert_eq!((queue.messages, queue.bytes), (0, 0));
    assert_eq!(queue.oldest, std::time::Duration::ZERO);
}

async fn a_message_over_the_limit_comes_back(mut stage: Stage) {
    let (node, narrow, probe, journal) = narrow(&mut stage).await;
    let sink = narrow.clone();
    act(&probe, move |me, cx| {
        for _ in 0..10 {
            assert!(cx.try_tell(&sink, Load(Vec::new())).is_ok());
        }
        let back = cx.try_tell(&sink, Load(vec![1, 2, 3]));
        let Err(Full(Load(back))) = back else { panic!("taken over the limit") };
        me.journal.note(format!("back {back:?}"));
        // Dropped, and counted.
        cx.tell(&sink, Load(Vec::new()));
    });
    stage.until("handled", || journal.count("load") == 10).await;
    assert!(journal.has("back [1, 2, 3]"));
    assert_eq!(narrow.queue().rejected, 2);
    for name in ["libproc/narrow/messages_rejected", "libproc/messages_rejected"] {
        assert_eq!(metric(&mut stage, &node, name).await, 2.0, "{name}");
    }
    // By bytes; one message is taken however large, and there is room again.
    let sink = narrow.clone();
    act(&probe, move |me, cx| {
        let first = cx.try_tell(&sink, Load(Vec::with_capacity(50_000))).is_ok();
        let second = cx.try_tell(&sink, Load(Vec::new())).is_ok();
        me.journal.note(format!("first {first}, second {second}"));
    });
    stage.until("handled", || journal.count("load") == 11).await;
    assert!(journal.has("first true, second false"));
    assert!(narrow.try_tell(Load(Vec::new())).is_ok());
}

async fn metric(stage: &mut Stage, node: &Node, name: &str) -> f64 {
    let all = stage.complete(libproc::http::metrics(node)).await;
    all.iter().find(|(n, _)| n == name).expect("it is there").1
}

async fn a_request_over_the_limit_is_abandoned(mut stage: Stage) {
    let (_node, narrow, probe, journal) = narrow(&mut stage).await;
    act(&probe, move |_, cx| {
        for _ in 0..11 {
            cx.ask(&narrow, Question, WITHIN, |me: &mut Probe, got: Result<u64, AskError>, _| {
                me.journal.note(format!("got {got:?}"));
            });
        }
    });
    stage.until("answers", || journal.count("got") == 11).await;
    assert_eq!(journal.count("got Ok(1)"), 10);
    assert_eq!(journal.count("got Err(Abandoned)"), 1);
}

async fn control_passes_a_full_queue(mut stage: Stage) {
    let (_node, narrow, probe, journal) = narrow(&mut stage).await;
    act(&probe, move |_, cx| {
        for _ in 0..20 {
            cx.tell(&narrow, Load(Vec::new()));
        }
        narrow.stop(Reason::Stopped("enough".into()));
    });
    stage.until("the stop", || journal.has("stopped: stopped: enough")).await;
    assert_eq!(journal.count("load"), 10, "what was taken is handled before the stop");
}

async fn an_alarm_is_raised_once(mut stage: Stage) {
    let alarm = Limit { messages: 100, bytes: 1 << 30 };
    let config = NodeConfig { queue_alarm: alarm, ..NodeConfig::new("t", "queues") };
    let node = stage.node(config).await;
    let journal = Journal::default();
    let sink = node.spawn("sink", Probe::new(&journal)).unwrap();
    let probe = node.spawn("probe", Probe::new(&journal)).unwrap();
    act(&probe, move |_, cx| {
        for n in 0..1000 {
            cx.tell(&sink, Say::Number(n));
        }
    });
    stage.until("handled", || journal.count("number") == 1000).await;
    let raised = metric(&mut stage, &node, "libproc/queue_alarms").await;
    assert_eq!(raised, 1.0, "one alarm a minute for one process");
}

/// A whole flood over a connection into a process that does not keep up: it waits at its limit.
async fn remote_messages_obey_the_limit(mut stage: Stage) {
    let journal = Journal::default();
    let server = stage.node(listening("s")).await;
    let client = stage.node(NodeConfig::new("t", "c")).await;
    let narrow = server.spawn("server", Narrow(journal.clone())).unwrap();
    let asker = client.spawn("client", Probe::new(&journal)).unwrap();
    stage.connect(&client, &server).await;
    let to = remote::<Say>(&server, &client, "server");
    act(&asker, move |_, cx| {
        for n in 0..5000 {
            cx.send(&to, Say::Number(n));
        }
    });
    let all = || narrow.queue().handled + narrow.queue().rejected == 5000;
    stage.until("all came", all).await;
    let waited = |line: String| line.strip_prefix("said, ")?.strip_suffix(" wait")?.parse().ok();
    let most: Option<u64> = journal.lines().into_iter().filter_map(waited).max();
    assert!(most < Some(10), "{most:?} waited behind one that was taken out");
}

/// What came over a connection counts with its payload, to the byte.
#[test]
fn remote_payload_is_counted_exactly() {
    /// Waits, in its first message, until two more have come.
    struct Slow(Arc<AtomicU64>);
    impl Process for Slow {
        const NAME: &'static str = "slow";
        fn gate(gate: &mut libproc::Gate<Self>) {
            gate.receives::<Say>(&[CLIENT]);
        }
    }
    impl Receive<Say> for Slow {
        fn receive(&mut self, _: Say, _: &Sender, cx: &mut Context<Self>) {
            if cx.me().queue().handled == 1 {
                while cx.me().queue().messages < 2 {
                    std::thread::yield_now();
                }
                self.0.store(cx.me().queue().bytes, SeqCst);
            }
        }
    }
    libproc::run(async {
        let mut stage = Stage::Tcp;
        let config = NodeConfig { threads: vec!["a".into()], ..listening("s") };
        let server = stage.node(config).await;
        let client = stage.node(NodeConfig::new("t", "c")).await;
        let bytes = Arc::<AtomicU64>::default();
        let thread = server.thread("a").unwrap();
        server.spawn_on(&thread, "server", Slow(bytes.clone())).unwrap();
        let asker = client.spawn("client", Probe::new(&Journal::default())).unwrap();
        stage.connect(&client, &server).await;
        let to = remote::<Say>(&server, &client, "server");
        act(&asker, move |_, cx| {
            for n in [1, 200, 70_000] {
                cx.send(&to, Say::Number(n));
            }
        });
        stage.until("two wait", || bytes.load(SeqCst) > 0).await;
        let payload = |n| rmp_serde::to_vec_named(&Say::Number(n)).unwrap().len() as u64;
        assert_eq!(bytes.load(SeqCst), payload(200) + payload(70_000));
    });
}

/// A flood from another thread, of a megabyte a message: bytes stay within the limit, whoever
/// floods is told, and the process lives.
#[test]
fn a_flood_is_bounded_in_bytes() {
    struct Flooder {
        sink: Pid<Narrow>,
        most: Arc<AtomicU64>,
        refused: Arc<AtomicU64>,
    }
    struct Flood;
    impl Process for Flooder {
        const NAME: &'static str = "flooder";
    }
    impl Receive<Flood> for Flooder {
        fn receive(&mut self, _: Flood, _: &Sender, cx: &mut Context<Self>) {
            for _ in 0..20_000 {
                if cx.try_tell(&self.sink, Load(Vec::with_capacity(3000))).is_err() {
                    self.refused.fetch_add(1, SeqCst);
                }
                self.most.fetch_max(self.sink.queue().bytes, SeqCst);
            }
        }
    }
    libproc::run(async {
        let mut stage = Stage::Tcp;
        let config = NodeConfig { threads: vec!["a".into()], ..NodeConfig::new("t", "queues") };
        let node = stage.node(config).await;
        let journal = Journal::default();
        let thread = node.thread("a").unwrap();
        let sink = node.spawn_on(&thread, "narrow", Narrow(journal.clone())).unwrap();
        let (most, refused) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let flooder = Flooder { sink: sink.clone(), most: most.clone(), refused: refused.clone() };
        node.spawn("flooder", flooder).unwrap().tell(Flood);
        let seen = || sink.queue().handled + sink.queue().rejected >= 20_000;
        stage.until("the flood is over", seen).await;
        assert!(most.load(SeqCst) <= LIMIT.bytes, "{} bytes waited", most.load(SeqCst));
        assert_eq!(refused.load(SeqCst), sink.queue().rejected);
        assert!(refused.load(SeqCst) > 0, "the limit was never reached");
        assert!(sink.try_tell(Load(Vec::new())).is_ok());
    });
}
