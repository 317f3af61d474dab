//! `/metrics` and `/metrics/snapshot`: the node's counters, its processes by type, and what they
//! say of themselves.
//!
//! The text is written by `prometheus-client`, so that names, labels and escapes are OpenMetrics';
//! what is written is collected at each request, since a process's own metrics are values that
//! nobody keeps. Queues are told by type of process, never by id: their number is bounded by the
//! program. A process is asked at most twice a second, however many want to know. Counts of processes that ended stay in their type's, so that none ever falls.

use super::{header, HeaderValue, Response, StatusCode};
use crate::node::{Entry, Node};
use crate::observe::{Labelled, Observation};
use crate::process::Kind;
use crate::ProcessId;
use futures_util::future::join_all;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeMetric;
use prometheus_client::encoding::{text, DescriptorEncoder};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A process that does not answer within this long is reported without its own words.
pub(super) const OBSERVE_WITHIN: Duration = Duration::from_secs(1);

pub(super) async fn observed(node: &Node) -> Vec<(ProcessId, Entry, Option<Arc<Observation>>)> {
    let asked = node.processes().into_iter().map(|(id, entry)| {
        let observation = node.observation(&entry, OBSERVE_WITHIN);
        async move { (id, entry, observation.await) }
    });
    join_all(asked).await
}

/// All that there is to say, at one moment.
#[derive(Debug, Default)]
struct Gathered {
    counters: Vec<(&'static str, &'static str, u64)>,
    peers: usize,
    /// Bytes towards peers, and of theirs.
    waiting: u64,
    held: u64,
    /// Of the node's port.
    port: Vec<(String, f64)>,
    kinds: BTreeMap<&'static str, Kind>,
    threads: Vec<(String, u64)>,
    /// Processes' own, by name; of a name that several use, the sum.
    own: BTreeMap<String, f64>,
    /// What each said, for its metrics that have labels.
    said: Vec<Arc<Observation>>,
}

async fn gather(node: &Node) -> Gathered {
    let seen = observed(node).await;
    let counts = node.counts();
    let mut kinds = node.kinds();
    let mut own = BTreeMap::<String, f64>::new();
    let mut all_said = Vec::new();
    for (_, entry, said) in seen {
        kinds.entry(entry.door.kind()).or_default().add(&entry.door.queue());
        let Some(said) = said else { continue };
        for (name, value) in said.metrics.iter().filter(|(_, value)| value.is_finite()) {
            *own.entry(name.clone()).or_default() += value;
        }
        all_said.push(said);
    }
    Gathered {
        counters: vec![
            ("messages_sent", "Messages sent to other nodes", counts.sent),
            ("messages_received", "Frames from other nodes", counts.received),
            ("messages_dropped", "Messages that reached nobody", counts.dropped),
            ("messages_unsupported", "Messages of unknown types", counts.unsupported),
            ("messages_forbidden", "Messages that a role may not send", counts.forbidden),
            ("messages_rejected", "Messages over their receiver's limit", counts.rejected),
            (
                "messages_overflowed",
                "Messages without room behind what waits for a slow process",
                counts.overflowed,
            ),
            ("connections_broken", "Connections that broke", counts.broken_connections),
            ("requests_expired", "Requests dropped past their deadline", counts.expired),
            ("queue_alarms", "Alarms over processes' queues", counts.alarms),
        ],
        peers: node.peers().len(),
        waiting: counts.waiting_bytes,
        held: counts.held_bytes,
        port: node.net().metrics(),
        kinds,
        threads: node
            .places()
            .iter()
            .map(|place| (place.name().to_owned(), place.ready.rings()))
            .collect(),
        own,
        said: all_said,
    }
}

impl Gathered {
    fn labelled(&self) -> impl Iterator<Item = &Labelled> {
        let all = self.said.iter().flat_map(|said| &said.labelled);
        all.filter(|metric| metric.value.is_finite())
    }
}

/// Every process's own metrics, and the node's under `libproc/`; sorted by name. Processes are not
/// asked again for half a second.
pub async fn metrics(node: &Node) -> Vec<(String, f64)> {
    let gathered = gather(node).await;
    let mut all = gathered.own.clone();
    for metric in gathered.labelled() {
        *all.entry(metric.name.clone()).or_default() += metric.value;
    }
    all.extend(gathered.port);
    let mut put = |name: String, value: u64| *all.entry(name).or_default() += value as f64;
    for (name, _, count) in gathered.counters {
        put(format!("libproc/{name}"), count);
    }
    put("libproc/peers".into(), gathered.peers as u64);
    put("libproc/bytes_waiting".into(), gathered.waiting);
    put("libproc/bytes_held".into(), gathered.held);
    for (kind, counts) in gathered.kinds {
        put(format!("libproc/{kind}/processes"), counts.processes);
        put(format!("libproc/{kind}/queue_depth"), counts.messages);
        put(format!("libproc/{kind}/queue_bytes"), counts.bytes);
        put(format!("libproc/{kind}/messages_handled"), counts.handled);
        put(format!("libproc/{kind}/messages_rejected"), counts.rejected);
        put(format!("libproc/{kind}/oldest_message_ms"), counts.oldest.as_millis() as u64);
    }
    for (thread, wakeups) in gathered.threads {
        let thread = if thread.is_empty() { "main" } else { &thread };
        put(format!("libproc/threads/{thread}/wakeups"), wakeups);
    }
    all.into_iter().collect()
}

pub(super) async fn snapshot(node: &Node) -> Response {
    let all = metrics(node).await;
    let all: Map<String, Value> =
        all.into_iter().map(|(name, value)| (name, json!(value))).collect();
    Response::json(&all)
}

pub(super) async fn prometheus(node: &Node) -> Response {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(gather(node).await));
    let mut body = String::new();
    match text::encode(&mut body, &registry) {
        Ok(()) => {
            let content = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            Response::text(StatusCode::OK, body)
                .with_header(header::CONTENT_TYPE, HeaderValue::from_static(content))
        }
        Err(error) => Response::text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

impl Collector for Gathered {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, count) in &self.counters {
            single(&mut encoder, &format!("libproc_{name}"), help, &ConstCounter::new(*count))?;
        }
        let gauges = [
            ("libproc_peers", "Nodes connected now", self.peers as u64),
            ("libproc_bytes_waiting", "Bytes to be written to peers", self.waiting),
            ("libproc_bytes_held", "Bytes of peers' messages that wait here", self.held),
        ];
        for (name, help, value) in gauges {
            single(&mut encoder, name, help, &ConstGauge::new(value))?;
        }
        for (name, value) in &self.port {
            let name = name.replace('/', "_");
            single(&mut encoder, &name, "Of the node's port", &ConstGauge::new(*value))?;
        }
        type Of = fn(&Kind) -> u64;
        let gauges: [(&str, &str, Of); 3] = [
            ("libproc_processes", "Processes that live, by type", |kind| kind.processes),
            ("libproc_queue_messages", "Messages that wait, by type", |kind| kind.messages),
            ("libproc_queue_bytes", "Bytes that wait, by type", |kind| kind.bytes),
        ];
        for (name, help, of) in gauges {
            let values = self.kinds.iter().map(|(kind, all)| (*kind, ConstGauge::new(of(all))));
            family(&mut encoder, name, help, "kind", values)?;
        }
        let oldest =
            self.kinds.iter().map(|(kind, all)| (*kind, ConstGauge::new(all.oldest.as_secs_f64())));
        family(
            &mut encoder,
            "libproc_oldest_message_seconds",
            "Age of the oldest message that waits, by type",
            "kind",
            oldest,
        )?;
        let counters: [(&str, &str, Of); 2] = [
            ("libproc_handled", "Messages handled, by type of process", |kind| kind.handled),
            ("libproc_rejected", "Messages over the limit, by type of process", |kind| {
                kind.rejected
            }),
        ];
        for (name, help, of) in counters {
            let values = self.kinds.iter().map(|(kind, all)| (*kind, ConstCounter::new(of(all))));
            family(&mut encoder, name, help, "kind", values)?;
        }
        let wakeups =
            self.threads.iter().map(|(name, count)| (name.as_str(), ConstCounter::new(*count)));
        family(
            &mut encoder,
            "libproc_thread_wakeups",
            "How often a thread was woken",
            "thread",
            wakeups,
        )?;
        let mut own = BTreeMap::<String, f64>::new();
        for (name, value) in &self.own {
            *own.entry(sanitized(name)).or_default() += value;
        }
        for (name, value) in own {
            single(&mut encoder, &name, TOLD, &ConstGauge::new(value))?;
        }
        labelled(&mut encoder, self.labelled())
    }
}

const TOLD: &str = "Told by a process";

/// By family, each series once: of several processes that say the same the sum.
fn labelled<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    metrics: impl Iterator<Item = &'a Labelled>,
) -> Result<(), std::fmt::Error> {
    let mut families = BTreeMap::<String, BTreeMap<&[(&'static str, String)], f64>>::new();
    for metric in metrics.filter(|metric| !metric.family.is_empty()) {
        let family = families.entry(sanitized(&metric.family)).or_default();
        *family.entry(metric.labels.as_slice()).or_default() += metric.value;
    }
    for (name, series) in families {
        let kind = MetricType::Gauge;
        let mut family = encoder.encode_descriptor(&name, TOLD, None, kind)?;
        for (labels, value) in series {
            let labels: Vec<(&str, &str)> =
                labels.iter().map(|(label, value)| (*label, value.as_str())).collect();
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn single(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> Result<(), std::fmt::Error> {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

fn family<'a, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &str,
    values: impl Iterator<Item = (&'a str, M)>,
) -> Result<(), std::fmt::Error> {
    let mut values = values.peekable();
    let Some((_, first)) = values.peek() else {
        return Ok(());
    };
    let mut family = encoder.encode_descriptor(name, help, None, first.metric_type())?;
    for (value, metric) in values {
        metric.encode(family.encode_family(&[(label, value)])?)?;
    }
    Ok(())
}

/// `master/uptime_secs` becomes `master_uptime_secs`.
fn sanitized(name: &str) -> String {
    let valid = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let name: String = name.chars().map(valid).collect();
    match name.starts_with(|c: char| c.is_ascii_digit()) || name.starts_with("libproc_") {
        // Neither a number nor one of the node's own.
        true => format!("_{name}"),
        false => name,
    }
}
