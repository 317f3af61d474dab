//! What every node serves: `/health`, `/metrics`, `/metrics/snapshot`, `/__processes__`, `/help`.

use super::{header, HeaderValue, Request, Response, StatusCode};
use crate::node::{Entry, Node};
use crate::observe::Observation;
use crate::ProcessId;
use futures_util::future::join_all;
use serde_json::{json, Map, Value};
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// A process that does not answer within this long is reported without its own words.
const OBSERVE_WITHIN: Duration = Duration::from_secs(1);

/// Answers a path that no process claims; `None` if it is none of the node's own.
pub(crate) async fn builtin(node: &Node, request: &Request) -> Option<Response> {
    let path: Vec<&str> = request.path.split('/').filter(|segment| !segment.is_empty()).collect();
    match path.as_slice() {
        ["health"] => Some(Response::status(StatusCode::OK)),
        ["metrics"] => Some(prometheus(&metrics(node).await)),
        ["metrics", "snapshot"] => {
            let snapshot: Map<String, Value> =
                metrics(node).await.into_iter().map(|(name, value)| (name, json!(value))).collect();
            Some(Response::json(&snapshot))
        }
        ["__processes__"] => Some(processes(node).await),
        ["help"] => Some(help(node)),
        _ => None,
    }
}

async fn observed(node: &Node) -> Vec<(ProcessId, Entry, Option<Observation>)> {
    let asked = node.processes().into_iter().map(|(id, entry)| {
        let observation = node.observation(&entry, OBSERVE_WITHIN);
        async move { (id, entry, observation.await) }
    });
    join_all(asked).await
}

/// Every process's own metrics, and the node's counters under `libproc/`; sorted by name.
pub async fn metrics(node: &Node) -> Vec<(String, f64)> {
    let counters = node.counters();
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Relaxed) as f64;
    let mut all = vec![
        ("libproc/messages_sent".to_owned(), count(&counters.sent)),
        ("libproc/messages_received".to_owned(), count(&counters.received)),
        ("libproc/messages_dropped".to_owned(), count(&counters.dropped)),
        ("libproc/messages_unsupported".to_owned(), count(&counters.unsupported)),
        ("libproc/messages_forbidden".to_owned(), count(&counters.forbidden)),
        ("libproc/connections_broken".to_owned(), count(&counters.broken_connections)),
        ("libproc/requests_expired".to_owned(), count(&counters.expired)),
        ("libproc/peers".to_owned(), node.peers().len() as f64),
    ];
    all.extend(node.net().metrics());
    for (_, entry, observation) in observed(node).await {
        all.push((
            format!("libproc/{}/queue_depth", entry.kind),
            entry.door.stats().depth() as f64,
        ));
        all.extend(observation.unwrap_or_default().metrics);
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.dedup_by(|later, first| {
        let same = later.0 == first.0;
        if same {
            first.1 += later.1;
        }
        same
    });
    all.retain(|(_, value)| value.is_finite());
    all
}

/// The Prometheus text format: `master/uptime_secs` becomes `master_uptime_secs`.
fn prometheus(metrics: &[(String, f64)]) -> Response {
    let mut text = String::new();
    for (name, value) in metrics {
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' })
            .collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# TYPE {name} gauge\n{name} {value}");
    }
    let content = HeaderValue::from_static("text/plain; version=0.0.4");
    Response::text(StatusCode::OK, text).with_header(header::CONTENT_TYPE, content)
}

async fn processes(node: &Node) -> Response {
    let now = node.coarse_now();
    let list: Vec<Value> = observed(node)
        .await
        .into_iter()
        .map(|(id, entry, observation)| {
            let stats = entry.door.stats();
            json!({
                "id": id.as_str(),
                "kind": entry.kind,
                "queue_depth": stats.depth(),
                "oldest_message_ms": stats.waiting(now).as_millis() as u64,
                "messages_handled": stats.handled(),
                "answers": observation.is_some(),
                "state": observation.unwrap_or_default().state,
            })
        })
        .collect();
    Response::json(&list)
}

fn help(node: &Node) -> Response {
    let mut text = String::from("Served here:\n\n");
    let mut lines = vec![
        ("/__processes__".to_owned(), "the processes of this node, their queues and state (JSON)"),
        ("/health".to_owned(), "200 while the node answers"),
        ("/help".to_owned(), "this page"),
        ("/metrics".to_owned(), "metrics in the Prometheus text format"),
        ("/metrics/snapshot".to_owned(), "metrics as one flat JSON object"),
    ];
    for (_, entry) in node.processes() {
        lines.extend(entry.routes.iter().map(|route| (route.path.clone(), route.help)));
    }
    lines.sort();
    for (path, help) in lines {
        let _ = writeln!(text, "{path:<32} {help}");
    }
    Response::text(StatusCode::OK, text)
}
