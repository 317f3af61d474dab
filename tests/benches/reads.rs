//! T5, T5b, T7b: what a long read of a large cluster takes, and what it costs those who do not read.
//!
//! The state is made by feeding the pure core; it is then planted in a leading master, which is
//! read over TCP as anybody reads it.

#![allow(clippy::disallowed_methods, reason = "a bench reads the real clock")]

mod master_core;
mod support;

use libproc::Pid;
use master_core::{task_id, MasterCore};
use meseta_api::codec::Codec;
use meseta_api::v1::master::call::Type;
use meseta_api::v1::{Offer, TaskState};
use meseta_master::core::{Config, Core};
use meseta_master::plant::PlantCore;
use meseta_master::reader::ask::{Gathered, Question};
use meseta_master::reader::Kitchen;
use meseta_master::Master;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::cluster::{self, NodeThread};
use support::machine::thread_cpu;
use support::pace::pace;
use support::record::{Figure, Run, Target};
use support::stats::Samples;

/// As many as each agent runs, it has run before.
const TASKS_PER_AGENT: usize = 10;
const READS: usize = 15;
const POLLERS: usize = 20;
/// Between two reads of one poller.
const PERIOD: Duration = Duration::from_secs(2);
const POLLS: u32 = 8;
/// Between two light calls.
const LIGHT: Duration = Duration::from_millis(10);
const QUESTION: Question = Question::V1 { kind: Type::GetState, codec: Codec::Json };

/// A cluster with half of its tasks settled, and the offers that they were launched on.
fn state(agents: usize) -> (MasterCore, Vec<Offer>) {
    let config =
        Config { max_completed_tasks_per_framework: agents * TASKS_PER_AGENT, ..Config::default() };
    let mut master = MasterCore::with(config);
    master.agents(agents);
    master.framework();
    let offers = master.offers();
    assert_eq!(offers.len(), agents);
    for offer in &offers {
        assert_eq!(master.run(offer, 2 * TASKS_PER_AGENT), 2 * TASKS_PER_AGENT);
        for task in 0..TASKS_PER_AGENT {
            let id = task_id(offer, task).as_str().into();
            master.status(offer, id, TaskState::TaskFinished);
        }
    }
    (master, offers)
}

fn gathered(core: &Core) -> Gathered {
    Gathered { state: core.snapshot(), master: core.identity().shown(), flags: Default::default() }
}

/// Milliseconds of this thread's CPU.
fn cpu_ms<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let began = thread_cpu();
    let made = work();
    ((thread_cpu() - began) * 1e3, made)
}

fn figure(id: &'static str, what: &'static str, value: f64, target: Target) -> Figure {
    Figure { id, what, value, unit: "ms", peer: None, target, more: vec![] }
}

/// What the master's thread does for a read, and what the reader's does, in CPU time.
fn apart(run: &mut Run, master: &mut MasterCore, offers: &[Offer]) {
    let holds: Samples = (0..50).map(|_| cpu_ms(|| master.core().snapshot()).0).collect();
    let mut hold = figure(
        "T5/hold",
        "master's thread for a snapshot of 200k tasks",
        holds.median(),
        Target::AtMost(2.0),
    );
    hold.more = vec![("p99", holds.p99()), ("max", holds.max())];
    run.figure(hold);

    let mut kitchen = Kitchen::default();
    let now = gathered(master.core());
    let anew = cpu_ms(|| now.state.query(Type::GetState).map(|made| Codec::Json.encode(&made)));
    let (cold, body) = cpu_ms(|| kitchen.answer(&now, &QUESTION).expect("no parameters").len());
    let kept: Samples =
        (0..READS).map(|_| cpu_ms(|| kitchen.answer(&now, &QUESTION).is_ok()).0).collect();
    drop(now);
    let changed: Samples = (0..READS)
        .map(|round| {
            for step in 0..1000 {
                // Spread over all agents, and so over all blocks.
                let at = (round * 1000 + step) * 7919 % offers.len();
                let id = task_id(&offers[at], TASKS_PER_AGENT).as_str().into();
                master.status(&offers[at], id, TaskState::TaskRunning);
            }
            let now = gathered(master.core());
            cpu_ms(|| kitchen.answer(&now, &QUESTION).is_ok()).0
        })
        .collect();
    let mut figure = figure(
        "T5/made",
        "GET_STATE put together again, nothing changed",
        kept.median(),
        Target::None,
    );
    figure.peer = Some(("as one message", anew.0));
    figure.more = vec![
        ("first", cold),
        ("after_1000_updates", changed.median()),
        ("megabytes", body as f64 / 1e6),
    ];
    run.figure(figure);
}

/// A client with a connection of its own.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What a read took, in milliseconds, and what it brought.
struct Got {
    status: u16,
    first: f64,
    last: f64,
    bytes: usize,
}

impl Client {
    fn new(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the master listens");
        stream.set_nodelay(true).expect("a socket of this machine");
        Client { stream, buffer: vec![0; 1 << 20] }
    }

    fn state(&mut self) -> Got {
        let body = r#"{"type":"GET_STATE"}"#;
        let length = body.len();
        self.ask(&format!(
            "POST /api/v1 HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn health(&mut self) -> Got {
        self.ask("GET /health HTTP/1.1\r\nHost: bench\r\n\r\n")
    }

    fn ask(&mut self, request: &str) -> Got {
        let began = Instant::now();
        self.stream.write_all(request.as_bytes()).expect("the master reads");
        let mut head = Vec::new();
        let mut first = None;
        loop {
            let read = self.stream.read(&mut self.buffer).expect("the master answers");
            assert!(read > 0, "the master closed the connection");
            let at = *first.get_or_insert_with(|| began.elapsed().as_secs_f64() * 1e3);
            head.extend_from_slice(&self.buffer[..read]);
            let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            let text = String::from_utf8_lossy(&head[..end]).to_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let bytes = length.map_or(0, |length| length.parse().expect("a number"));
            let mut left = bytes - (head.len() - end - 4);
            while left > 0 {
                let read = self.stream.read(&mut self.buffer).expect("the master answers");
                assert!(read > 0, "the master closed the connection");
                left -= read;
            }
            let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
            let last = began.elapsed().as_secs_f64() * 1e3;
            return Got { status: status.unwrap_or(0), first: at, last, bytes };
        }
    }
}

/// Plants a state in a master that leads; gives back when it is read.
fn plant(node: &NodeThread, process: &Pid<Master>, core: Core, least: usize) {
    let mut client = Client::new(&node.address());
    while client.state().status != 200 {
        pace(LIGHT);
    }
    process.tell(PlantCore(Box::new(core)));
    assert!(client.state().bytes > least, "the state is planted");
}

/// One client, nothing else.
fn alone(run: &mut Run, node: &NodeThread) {
    let mut client = Client::new(&node.address());
    let (mut first, mut last) = (Samples::default(), Samples::default());
    let mut bytes = 0;
    let before = node.clock.seconds();
    for _ in 0..READS {
        let got = client.state();
        assert_eq!(got.status, 200);
        bytes = got.bytes;
        first.add(got.first);
        last.add(got.last);
    }
    let cpu = (node.clock.seconds() - before) * 1e3 / READS as f64;
    let what = "GET_STATE JSON of 200k tasks, 10k agents, to the last byte";
    let mut whole = figure("T5", what, last.median(), Target::AtMost(200.0));
    whole.more = vec![
        ("least", last.quantile(0.0)),
        ("max", last.max()),
        ("megabytes", bytes as f64 / 1e6),
        ("master_thread_cpu", cpu),
    ];
    run.figure(whole);
    let mut begun =
        figure("T5/first", "the same, to the first byte", first.median(), Target::AtMost(20.0));
    begun.more = vec![("max", first.max())];
    run.figure(begun);
}

/// Polls at a fixed rate; milliseconds from when each was due.
fn poll(address: String, clients: usize) -> Samples {
    let began = Instant::now();
    let polling = (0..clients).map(|at| {
        let address = address.clone();
        std::thread::spawn(move || {
            let mut client = Client::new(&address);
            let first = PERIOD * at as u32 / clients as u32;
            let polls = (0..POLLS).map(|poll| {
                let due = began + first + PERIOD * poll;
                pace(due.saturating_duration_since(Instant::now()));
                assert_eq!(client.state().status, 200);
                due.elapsed().as_secs_f64() * 1e3
            });
            polls.collect::<Vec<f64>>()
        })
    });
    let polling: Vec<_> = polling.collect();
    polling.into_iter().flat_map(|poller| poller.join().expect("a poller")).collect()
}

/// Light calls at a fixed rate until told to stop; milliseconds from when each was due.
fn light(address: String, over: Arc<AtomicBool>) -> Samples {
    let mut client = Client::new(&address);
    let mut due = Instant::now();
    let mut took = Samples::default();
    while !over.load(Relaxed) {
        due += LIGHT;
        pace(due.saturating_duration_since(Instant::now()));
        assert_eq!(client.health().status, 200);
        took.add(due.elapsed().as_secs_f64() * 1e3);
    }
    took
}

fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len() as f64
}

/// Twenty clients beside one, and light calls beside them.
fn together(run: &mut Run, node: &NodeThread) {
    let address = node.address();
    let one = poll(address.clone(), 1);
    let over = Arc::new(AtomicBool::new(false));
    let stop = over.clone();
    let at = address.clone();
    let calling = std::thread::spawn(move || light(at, over));
    let before = node.clock.seconds();
    let began = Instant::now();
    let all = poll(address, POLLERS);
    let cpu = (node.clock.seconds() - before) / began.elapsed().as_secs_f64();
    stop.store(true, Relaxed);
    let called = calling.join().expect("a caller");
    let mut polled = figure(
        "T5b",
        "GET_STATE of 20k tasks, each of 20 clients every 2 s, mean",
        mean(all.values()),
        Target::TimesPeer(1.3),
    );
    polled.peer = Some(("one client", mean(one.values())));
    polled.more = vec![("p99", all.p99()), ("one_p99", one.p99()), ("master_thread_share", cpu)];
    run.figure(polled);
    let what = "/health meanwhile, 99th percentile";
    let mut lights = figure("T7b", what, called.p99(), Target::AtMost(50.0));
    lights.more = vec![("median", called.median()), ("max", called.max())];
    run.figure(lights);
}

fn main() -> ExitCode {
    let mut run = Run::begin("reads");
    let (mut large, offers) = state(10_000);
    apart(&mut run, &mut large, &offers);
    let (node, process) = cluster::master_process();
    plant(&node, &process, large.into_core(), 10_000_000);
    alone(&mut run, &node);
    let (small, _) = state(1_000);
    plant(&node, &process, small.into_core(), 1_000_000);
    together(&mut run, &node);
    run.end()
}
