//! T6: events of the operators' stream to 1,000 subscribers over TCP, one of whom does not read.

#![allow(clippy::disallowed_methods, reason = "a bench reads the real clock")]
#![allow(clippy::disallowed_types, reason = "subscribers are raw sockets")]

mod support;

use meseta_api::ids::FrameworkId;
use meseta_api::v1::{TaskState, TaskStatus};
use meseta_master::core::happened::Happened;
use meseta_master::plant::PlantHappened;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::cluster;
use support::machine::{process_cpu, resident};
use support::pace::settle;
use support::record::{Figure, Run, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Who read; with the one who does not they are as many as there may be.
const SUBSCRIBERS: usize = 999;
const EVENTS: usize = 1_000;
/// What makes an event of about 300 bytes of JSON.
const MESSAGE: usize = 70;
const LOOK: Duration = Duration::from_millis(1);

/// Bytes that subscribers have read since SUBSCRIBED and the first HEARTBEAT.
type Read = Arc<AtomicU64>;

async fn subscribe(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the master listens");
    let body = r#"{"type":"SUBSCRIBE"}"#;
    let request = format!(
        "POST /api/v1 HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("the master reads");
    stream
}

/// Reads up to the first HEARTBEAT, and then for as long as there is something.
async fn read(mut stream: TcpStream, begun: Read, read: Read) {
    let mut buffer = vec![0; 64 * 1024];
    let mut head = Vec::new();
    loop {
        let count = stream.read(&mut buffer).await.expect("the master answers");
        head.extend_from_slice(&buffer[..count]);
        if String::from_utf8_lossy(&head).contains("\"HEARTBEAT\"") {
            break;
        }
        assert!(count > 0, "{}", String::from_utf8_lossy(&head));
    }
    begun.fetch_add(1, Relaxed);
    while let Ok(count) = stream.read(&mut buffer).await {
        if count == 0 {
            return;
        }
        read.fetch_add(count as u64, Relaxed);
    }
}

fn event(at: usize) -> Happened {
    let status = TaskStatus {
        task_id: format!("task-{at:06}").as_str().into(),
        state: TaskState::TaskRunning.into(),
        message: Some("m".repeat(MESSAGE)),
        ..Default::default()
    };
    Happened::TaskUpdated {
        framework: FrameworkId::parse("5e1d1f04-87b7-4c3c-a02b-2f65e1d1f048-0000")
            .expect("a good id"),
        status: Box::new(status),
        state: TaskState::TaskRunning,
    }
}

async fn reached(counter: &Read, wanted: u64) {
    while counter.load(Relaxed) < wanted {
        settle(LOOK).await;
    }
}

async fn fan(run: &mut Run) {
    let (node, process) = cluster::master_process();
    let address = node.address();
    while !is_leading(&address).await {
        settle(LOOK * 10).await;
    }
    let (begun, got) = (Read::default(), Read::default());
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            for _ in 0..SUBSCRIBERS {
                let stream = subscribe(&address).await;
                tokio::task::spawn_local(read(stream, begun.clone(), got.clone()));
            }
            let stuck = subscribe(&address).await;
            reached(&begun, SUBSCRIBERS as u64).await;
            // One event shows how many bytes each takes, chunk and number among them.
            process.tell(PlantHappened(vec![event(0)]));
            settle(Duration::from_millis(500)).await;
            let each = got.load(Relaxed) / SUBSCRIBERS as u64;
            assert!(each > 200, "{each} bytes reached each");
            got.store(0, Relaxed);
            let (memory, cpu, began) = (resident(), process_cpu(), Instant::now());
            process.tell(PlantHappened((0..EVENTS).map(event).collect()));
            // Numbers grow by a digit or two on the way.
            reached(&got, each * (EVENTS * SUBSCRIBERS) as u64).await;
            let took = began.elapsed().as_secs_f64();
            let deliveries = (EVENTS * SUBSCRIBERS) as f64;
            run.figure(Figure {
                id: "T6",
                what: "events to 1,000 subscribers over TCP, one of whom does not read",
                value: deliveries / took,
                unit: "deliveries/s",
                peer: None,
                target: Target::AtLeast(300_000.0),
                more: vec![
                    ("bytes", each as f64),
                    ("all_cpu_us_each", (process_cpu() - cpu) * 1e6 / deliveries),
                    ("resident_growth_mb", (resident() as f64 - memory as f64) / 1e6),
                ],
            });
            drop(stuck);
        })
        .await;
}

async fn is_leading(address: &str) -> bool {
    let mut stream = subscribe(address).await;
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.expect("the master answers");
    start.ends_with(b"200")
}

fn main() -> ExitCode {
    let mut run = Run::begin("events");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(fan(&mut run));
    run.end()
}
