//! Three services, one trace per reading: how traces follow messages without being told to.
//!
//! Run it: `cargo run -p libproc --example pipeline`
//!
//! With a collector, the same run can be looked at in Jaeger:
//!
//! ```text
//! OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317 cargo run -p libproc --example pipeline
//! ```
//!
//! ```text
//! pipeline-source ──Reading──▶ pipeline-filter ──Clean──▶ pipeline-store
//!        ▲                                                    │
//!        └────────────────────── Stored ──────────────────────┘
//! ```
//!
//! What to see here:
//! - Nobody passes a context on by hand. A message that is sent while another is handled is part of
//!   its trace, also after `defer`, and across nodes.
//! - `work` makes what takes longer than a step a span; `failed` says that it came to nothing.
//! - The store writes three at a time. The write belongs to no reading alone: it is a trace of its
//!   own with a link to each of the three (`linked`), and each goes on in its own afterwards
//!   (`continue_trace`).
//! - Each node is exported as a service of its own, though all three live in this program.

use libproc::{
    Admission, Authenticator, Context, Gate, Node, NodeConfig, Process, ProcessId, Reason, Receive,
    Remote, Role, Sender, Target, TraceContext,
};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// Stations of the pipeline trust each other alike.
const STATION: Role = Role::of("station");
const SECRET: &[u8] = b"pipeline";
/// One of them is no number.
const VALUES: [f64; 7] = [20.5, 21.0, f64::NAN, 19.5, 22.0, 20.0, 18.5];
/// Written at once.
const BATCH: usize = 3;

#[derive(Serialize, Deserialize)]
#[serde(rename = "pipeline.ToFilter")]
enum ToFilter {
    Reading { number: usize, celsius: f64 },
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "pipeline.ToStore")]
enum ToStore {
    Clean { number: usize, fahrenheit: f64 },
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "pipeline.ToSource")]
enum ToSource {
    Stored { number: usize, fahrenheit: f64 },
    Refused { number: usize, why: String },
}

/// Sends the readings, and waits until it knows of each what became of it.
struct Source {
    filter: Target,
    open: usize,
}

impl Process for Source {
    const NAME: &'static str = "source";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<ToSource>(&[STATION]);
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.dial(self.filter.clone(), |me, peer, cx| match peer {
            Ok(peer) => {
                let filter = peer.remote::<ToFilter>(&id("filter"));
                for (number, celsius) in VALUES.into_iter().enumerate() {
                    me.open += 1;
                    // Nothing is being handled, so each of these begins a trace.
                    cx.send(&filter, ToFilter::Reading { number, celsius });
                }
            }
            Err(error) => cx.exit_node(Reason::Stopped(error.to_string())),
        });
    }
}

impl Receive<ToSource> for Source {
    fn receive(&mut self, told: ToSource, _: &Sender, cx: &mut Context<Self>) {
        let trace = cx.trace().map(|trace| format!(" (trace {:032x})", trace.trace_id));
        let trace = trace.unwrap_or_default();
        match told {
            ToSource::Stored { number, fahrenheit } => {
                println!("reading {number} is stored as {fahrenheit:.1} °F{trace}");
            }
            ToSource::Refused { number, why } => {
                println!("reading {number} is refused: {why}{trace}")
            }
        }
        self.open -= 1;
        if self.open == 0 {
            cx.exit_node(Reason::Normal);
        }
    }
}

/// Converts what can be converted.
struct Filter {
    store: Target,
    next: Option<Remote<ToStore>>,
}

impl Process for Filter {
    const NAME: &'static str = "filter";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<ToFilter>(&[STATION]);
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.dial(self.store.clone(), |me, peer, cx| match peer {
            Ok(peer) => me.next = Some(peer.remote(&id("store"))),
            Err(error) => cx.exit_node(Reason::Stopped(error.to_string())),
        });
    }
}

impl Receive<ToFilter> for Filter {
    fn receive(&mut self, said: ToFilter, from: &Sender, cx: &mut Context<Self>) {
        let ToFilter::Reading { number, celsius } = said;
        cx.annotate("pipeline.reading", &number);
        let source = from.remote::<ToSource>();
        let mut work = cx.work("convert");
        // As if it took its time; it is beside this process, which goes on with other readings.
        let converting = cx.node().sleep(Duration::from_millis(2));
        cx.defer(converting, move |me, (), cx| {
            let (Some(store), Some(source)) = (&me.next, source) else {
                return;
            };
            if celsius.is_nan() {
                let why = "it is no number";
                work.failed(&why);
                cx.send(&source, ToSource::Refused { number, why: why.to_owned() });
            } else {
                cx.send(store, ToStore::Clean { number, fahrenheit: celsius * 1.8 + 32.0 });
            }
        });
    }
}

/// Writes readings, several at a time, and says so to the source.
struct Store {
    waiting: Vec<(usize, f64, Option<TraceContext>)>,
    source: Option<Remote<ToSource>>,
}

impl Process for Store {
    const NAME: &'static str = "store";

    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<ToStore>(&[STATION]);
    }
}

/// The way back; told once, when there is a connection.
struct Answer(Remote<ToSource>);

impl Receive<Answer> for Store {
    fn receive(&mut self, answer: Answer, _: &Sender, _: &mut Context<Self>) {
        self.source = Some(answer.0);
    }
}

impl Receive<ToStore> for Store {
    fn receive(&mut self, said: ToStore, _: &Sender, cx: &mut Context<Self>) {
        let ToStore::Clean { number, fahrenheit } = said;
        cx.annotate("pipeline.reading", &number);
        self.waiting.push((number, fahrenheit, cx.trace()));
        if self.waiting.len() < BATCH {
            return;
        }
        let batch = std::mem::take(&mut self.waiting);
        cx.linked(batch.iter().filter_map(|(_, _, trace)| *trace));
        let mut work = cx.work("write batch");
        work.annotate("messaging.batch.message_count", &batch.len());
        let writing = cx.node().sleep(Duration::from_millis(3));
        cx.defer(writing, move |me, (), cx| {
            drop(work);
            println!("a batch of {} is written", batch.len());
            let Some(source) = &me.source else {
                return;
            };
            for (number, fahrenheit, trace) in batch {
                cx.continue_trace(trace);
                cx.send(source, ToSource::Stored { number, fahrenheit });
            }
        });
    }
}

fn id(name: &str) -> ProcessId {
    ProcessId::new(name).expect("a good id")
}

struct Stations;

impl Authenticator for Stations {
    fn admit(&self, principal: &str) -> Option<Admission> {
        (principal == "station").then(|| Admission { secret: SECRET.to_vec(), role: STATION })
    }

    fn presents(&self) -> (String, Role) {
        ("station".into(), STATION)
    }
}

async fn station(service: &str) -> std::io::Result<(Node, Target)> {
    let node = Node::start(NodeConfig {
        listen: Some("127.0.0.1:0".into()),
        admit: Arc::new(Stations),
        ..NodeConfig::new("pipeline", service)
    })
    .await?;
    let target = Target {
        address: node.advertised().to_owned(),
        principal: "station".into(),
        secret: SECRET.to_vec(),
        role: STATION,
    };
    Ok((node, target))
}

fn main() -> Result<(), Box<dyn Error>> {
    libproc::run(async {
        let (storing, to_store) = station("pipeline-store").await?;
        let (filtering, to_filter) = station("pipeline-filter").await?;
        let (sourcing, to_source) = station("pipeline-source").await?;
        let store = storing.spawn_critical("store", Store { waiting: Vec::new(), source: None })?;
        filtering.spawn_critical("filter", Filter { store: to_store.clone(), next: None })?;
        // Everybody is connected before the first reading is sent.
        let source = storing.dial(to_source).await?.remote(&id("source"));
        store.tell(Answer(source));
        filtering.dial(to_store).await?;
        sourcing.spawn_critical("source", Source { filter: to_filter, open: 0 })?;
        let why = sourcing.closed().await;
        // All three export what they still hold in the same second.
        filtering.exit(Reason::Normal);
        storing.exit(Reason::Normal);
        tokio::join!(sourcing.finished(), filtering.finished(), storing.finished());
        match why {
            Reason::Normal => Ok(()),
            why => Err(why.to_string().into()),
        }
    })
}
