//! Processes on stated threads: order, isolation, links, the end of a node, and how often a thread
//! is woken.
mod common;
use common::*;
use libproc::{
    AskError, Context, Node, NodeConfig, Pid, Process, ProcessId, Reason, Receive, Remote, Sender,
    SpawnError, Target, Thread,
};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::Arc;
use std::thread::{current, ThreadId};

fn with_threads(names: &[&str]) -> NodeConfig {
    let threads = names.iter().map(|name| (*name).to_owned()).collect();
    NodeConfig { threads, ..NodeConfig::new("t", "placed") }
}

async fn threads(stage: &mut Stage, names: &[&str]) -> (Node, Vec<Thread>) {
    let node = stage.node(with_threads(names)).await;
    let threads = names.iter().map(|name| node.thread(name).expect("configured")).collect();
    (node, threads)
}

on_both!(
    order_is_kept_across_threads,
    a_panic_there_is_an_exit_here,
    asks_timers_and_work_come_back,
    a_dial_comes_back,
    a_foreign_thread_is_refused,
);

/// Tells numbers, from its own number on.
struct Source {
    sink: Pid<Probe>,
    from: u64,
}
struct Begin;

impl Process for Source {
    const NAME: &'static str = "source";
}

impl Receive<Begin> for Source {
    fn receive(&mut self, _: Begin, _: &Sender, cx: &mut Context<Self>) {
        for n in self.from..self.from + 100 {
            cx.tell(&self.sink, Say::Number(n));
        }
        self.from += 100;
        if self.from % 10_000 < 2000 {
            let me = cx.me().clone();
            cx.tell(&me, Begin);
        }
    }
}

async fn order_is_kept_across_threads(mut stage: Stage) {
    let (node, threads) = threads(&mut stage, &["a", "b"]).await;
    let journal = Journal::default();
    let sink = node.spawn_on(&threads[0], "sink", Probe::new(&journal)).unwrap();
    let here = node.spawn("here", Source { sink: sink.clone(), from: 10_000 }).unwrap();
    let there = Source { sink: sink.clone(), from: 20_000 };
    let there = node.spawn_on(&threads[1], "there", there).unwrap();
    here.tell(Begin);
    there.tell(Begin);
    stage.until("all", || journal.count("number") == 4000).await;
    for first in ["number 1", "number 2"] {
        let heard = journal.lines().into_iter().filter(|line| line.starts_with(first));
        let heard: Vec<_> = heard.collect();
        assert!(heard.is_sorted() && heard.len() == 2000, "{first}: {}", heard.len());
    }
}

async fn a_panic_there_is_an_exit_here(mut stage: Stage) {
    let (node, threads) = threads(&mut stage, &["a"]).await;
    let (here, there) = (Journal::default(), Journal::default());
    let watcher = node.spawn("watcher", Probe::new(&here)).unwrap();
    let victim = node.spawn_on(&threads[0], "victim", Probe::new(&there)).unwrap();
    let other = node.spawn_on(&threads[0], "other", Probe::new(&there)).unwrap();
    let target = victim.address().clone();
    act(&watcher, move |me, cx| {
        cx.link(&target);
        cx.link(&target);
        me.journal.note("linked");
    });
    stage.until("the link", || here.has("linked")).await;
    victim.tell(Say::Boom);
    stage.until("the exit", || here.has("exited victim: panicked: boom")).await;
    other.tell(Say::Ping);
    stage.until("life", || there.has("ping")).await;
    // The other way round: who runs there watches who runs here.
    let target = watcher.address().clone();
    act(&other, move |me, cx| {
        cx.link(&target);
        me.journal.note("linked");
    });
    stage.until("the link", || there.has("linked")).await;
    watcher.stop(Reason::Normal);
    stage.until("the exit", || there.has("exited watcher: ended normally")).await;
    assert_eq!(here.count("exited"), 1);
    assert_eq!(node.exit_reason(), None);
}

async fn asks_timers_and_work_come_back(mut stage: Stage) {
    let (node, threads) = threads(&mut stage, &["a"]).await;
    let (here, there) = (Journal::default(), Journal::default());
    let server = node.spawn("server", Probe::new(&here)).unwrap();
    let client = node.spawn_on(&threads[0], "client", Probe::new(&there)).unwrap();
    act(&client, move |_, cx| {
        cx.ask(&server, Question::Double(4), WITHIN, |me: &mut Probe, got, _| {
            me.journal.note(format!("answer {got:?}"));
        });
        cx.after(std::time::Duration::from_millis(1), Say::Ping);
        cx.defer(async { 5 }, |me: &mut Probe, five, _| me.journal.note(format!("work {five}")));
    });
    let all = ["answer Ok(8)", "ping", "work 5"];
    stage.until("all", || all.iter().all(|line| there.has(line))).await;
}

/// A process on another thread dials: it hears of it where it runs, and is heard over it.
async fn a_dial_comes_back(mut stage: Stage) {
    let server = stage.node(listening("s")).await;
    let config = NodeConfig { threads: vec!["a".into()], ..NodeConfig::new("t", "c") };
    let client = stage.node(config).await;
    let thread = client.thread("a").expect("configured");
    let (here, there) = (Journal::default(), Journal::default());
    server.spawn("server", Probe::new(&here)).unwrap();
    let probe = client.spawn_on(&thread, "probe", Probe::new(&there)).unwrap();
    let (good, home) = (target(&server), current().id());
    let unknown = Target { principal: "x".into(), ..good.clone() };
    let elsewhere = matches!(stage, Stage::Tcp);
    act(&probe, move |_, cx| {
        let began = current().id();
        cx.dial(unknown, |me, peer, _| me.journal.note(format!("stranger {}", peer.is_ok())));
        cx.dial(good, move |me, peer, cx| {
            assert_eq!((current().id(), began != home), (began, elsewhere));
            let there: Remote<Question> = peer.unwrap().remote(&ProcessId::new("server").unwrap());
            let heard = |me: &mut Probe, got: Result<u64, AskError>, _: &mut Context<Probe>| {
                me.journal.note(format!("answer {got:?}"));
            };
            cx.ask_remote(&there, Question::Double(4), WITHIN, heard);
            me.journal.note("dialled");
        });
    });
    let all = ["stranger false", "dialled", "answer Ok(8)"];
    stage.until("all", || all.iter().all(|line| there.has(line))).await;
}

async fn a_foreign_thread_is_refused(mut stage: Stage) {
    let (node, threads) = threads(&mut stage, &["a"]).await;
    let (other, _) = self::threads(&mut stage, &["b"]).await;
    assert!(node.thread("b").is_none());
    assert_eq!(node.thread("").unwrap().name(), "");
    let probe = Probe::new(&Journal::default());
    let refused = other.spawn_on(&threads[0], "p", probe).unwrap_err();
    assert_eq!(refused, SpawnError::Thread("a".into()));
}

/// Notes where it runs.
struct Where(Arc<std::sync::Mutex<Vec<ThreadId>>>);
struct SpawnChild;

impl Process for Where {
    const NAME: &'static str = "where";
    fn started(&mut self, _: &mut Context<Self>) {
        self.0.lock().unwrap().push(current().id());
    }
}

impl Receive<SpawnChild> for Where {
    fn receive(&mut self, _: SpawnChild, _: &Sender, cx: &mut Context<Self>) {
        cx.spawn("child", Where(self.0.clone())).unwrap();
    }
}

#[test]
fn a_child_stays_with_its_parent() {
    libproc::run(async {
        let mut stage = Stage::Tcp;
        let (node, threads) = threads(&mut stage, &["a"]).await;
        let ran = Arc::default();
        let parent = node.spawn_on(&threads[0], "parent", Where(Arc::clone(&ran))).unwrap();
        parent.tell(SpawnChild);
        stage.until("both", || ran.lock().unwrap().len() == 2).await;
        node.spawn("home", Where(Arc::clone(&ran))).unwrap();
        stage.until("all", || ran.lock().unwrap().len() == 3).await;
        let ran = ran.lock().unwrap();
        assert!(ran[0] == ran[1] && ran[0] != current().id() && ran[2] == current().id());
    });
}

struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

thread_local! {
    /// Dropped when its thread ends.
    static ENDS: RefCell<Option<Flag>> = const { RefCell::new(None) };
}

#[test]
fn the_end_of_a_node_ends_its_processes_and_joins_its_threads() {
    libproc::run(async {
        let mut stage = Stage::Tcp;
        let (node, threads) = threads(&mut stage, &["a", "b"]).await;
        let journal = Journal::default();
        let ended: Vec<_> = threads.iter().map(|_| Arc::<AtomicBool>::default()).collect();
        for (thread, ended) in threads.iter().zip(&ended) {
            let id = format!("on-{}", thread.name());
            let probe = node.spawn_on(thread, &id, Probe::new(&journal)).unwrap();
            let flag = Flag(ended.clone());
            act(&probe, move |me, _| {
                ENDS.with(|ends| *ends.borrow_mut() = Some(flag));
                me.journal.note("placed");
            });
        }
        stage.until("placed", || journal.count("placed") == 2).await;
        // From another thread than the node's own.
        let last = node.spawn_on(&threads[0], "last", Probe::new(&journal)).unwrap();
        act(&last, |_, cx| cx.exit_node(Reason::Normal));
        assert_eq!(node.finished().await, Reason::Normal);
        assert_eq!(journal.count("stopped"), 3);
        assert!(ended.iter().all(|ended| ended.load(SeqCst)), "a thread was not joined");
        let late = node.spawn_on(&threads[0], "late", Probe::new(&journal)).unwrap_err();
        assert_eq!(late, SpawnError::NodeEnded);
    });
}

/// The program returns while processes live: those elsewhere end too.
#[test]
fn the_end_of_the_event_loop_ends_what_runs_elsewhere() {
    let journal = Journal::default();
    let there = journal.clone();
    let ended = Arc::<AtomicBool>::default();
    let flag = Flag(ended.clone());
    libproc::run(async move {
        let mut stage = Stage::Tcp;
        let (node, threads) = threads(&mut stage, &["a"]).await;
        let probe = node.spawn_on(&threads[0], "p", Probe::new(&there)).unwrap();
        act(&probe, move |me, _| {
            ENDS.with(|ends| *ends.borrow_mut() = Some(flag));
            me.journal.note("placed");
        });
        stage.until("placed", || there.has("placed")).await;
    });
    libproc::run(async {
        Stage::Tcp.until("the thread's end", || ended.load(SeqCst)).await;
    });
    assert_eq!(journal.lines(), ["placed"], "an end without a word, as of a crash");
}

/// Tells every one of its sinks once per round, all rounds in one step.
struct Fan(Vec<Pid<Probe>>);
struct Rounds(u64);

impl Process for Fan {
    const NAME: &'static str = "fan";
}

impl Receive<Rounds> for Fan {
    fn receive(&mut self, rounds: Rounds, _: &Sender, cx: &mut Context<Self>) {
        for n in 0..rounds.0 {
            for sink in &self.0 {
                cx.tell(sink, Say::Number(n));
            }
        }
    }
}

/// Counts wake-ups, not time: at most one per step that tells less than 64, and one per 64.
#[test]
fn a_thread_is_woken_per_step_and_not_per_message() {
    libproc::run(async {
        let mut stage = Stage::Tcp;
        let (node, threads) = threads(&mut stage, &["a"]).await;
        let journal = Journal::default();
        let sink = |n| {
            let probe = Probe::new(&journal);
            node.spawn_on(&threads[0], &format!("sink-{n}"), probe).unwrap()
        };
        let sinks: Vec<_> = (0..10).map(sink).collect();
        let fan = node.spawn("fan", Fan(sinks)).unwrap();
        let (steps, mut before) = (50, threads[0].wakeups());
        for step in 1..=steps {
            fan.tell(Rounds(5));
            stage.until("heard", || journal.count("number") == step * 50).await;
            let now = threads[0].wakeups();
            // The spawned processes' own wake-ups are among the first step's.
            assert!(step == 1 || now - before <= 1, "{} wake-ups in one step", now - before);
            before = now;
        }
        fan.tell(Rounds(640));
        stage.until("heard", || journal.count("number") == steps * 50 + 6400).await;
        let woken = threads[0].wakeups() - before;
        assert!((1..=101).contains(&woken), "{woken} wake-ups for 6400 messages");
    });
}
