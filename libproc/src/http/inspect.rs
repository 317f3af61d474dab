//! `/__processes__`: what a node's processes do, as JSON for programs and as a plain page for
//! people. Whoever prefers `text/html` gets the page; it refers to nothing but its own node.

use super::metrics::observed;
use super::{header, percent_decode, HeaderValue, Request, Response, StatusCode};
use crate::node::{Entry, Node};
use crate::observe::Observation;
use crate::recorder::{FlightRecord, Record};
use crate::ProcessId;
use serde_json::{json, Map, Value};
use std::fmt::Write;
use std::sync::Arc;

/// Every process, in the order of their ids.
pub(super) async fn processes(node: &Node, request: &Request) -> Response {
    let seen = observed(node).await;
    let list: Vec<Value> = seen
        .into_iter()
        .map(|(id, entry, said)| {
            let record = entry.door.record();
            Value::Object(describe(node, &id, &entry, said, record.as_ref()))
        })
        .collect();
    if !wants_page(request) {
        return Response::json(&list);
    }
    let mut body = String::from("<h1>Processes</h1>");
    table(
        &mut body,
        &["id", "kind", "thread", "waiting", "bytes", "oldest", "handled", "state"],
        |rows| {
            for process in &list {
                let id = text(&process["id"]);
                let link = format!("<a href=\"/__processes__/{id}\">{id}</a>", id = escape(&id));
                let mut cells =
                    vec![link, escape(&text(&process["kind"])), escape(&text(&process["thread"]))];
                cells.extend(
                    ["queue_depth", "queue_bytes"].map(|name| escape(&text(&process[name]))),
                );
                cells.push(format!("{} ms", escape(&text(&process["oldest_message_ms"]))));
                cells.push(escape(&text(&process["messages_handled"])));
                cells.push(match &process["answers"] {
                    Value::Bool(true) => {
                        format!("<code>{}</code>", escape(&process["state"].to_string()))
                    }
                    _ => "<b>does not answer</b>".to_owned(),
                });
                rows.push(cells);
            }
        },
    );
    page("processes", &body)
}

/// One process; `None` if there is none of this id.
pub(super) async fn process(node: &Node, request: &Request, id: &str) -> Option<Response> {
    // In a path a plus sign is a plus sign.
    let id = percent_decode(&id.replace('+', "%2B"))?;
    let entry = node.process(&id)?;
    let id = ProcessId::new(&id).ok()?;
    // Before it is asked, so that the question is not the last that it handled.
    let record = entry.door.record();
    let said = node.observation(&entry, super::metrics::OBSERVE_WITHIN).await;
    let mut described = describe(node, &id, &entry, said, record.as_ref());
    let last = record.map(|record| record.last);
    if !wants_page(request) {
        let shown = last.map(|last| last.iter().map(shown).collect::<Vec<_>>());
        described.insert("last".into(), json!(shown));
        return Some(Response::json(&described));
    }
    let mut body = format!(
        "<p><a href=\"/__processes__\">all processes</a></p><h1>{}</h1>",
        escape(id.as_str())
    );
    table(&mut body, &["", ""], |rows| {
        for (name, value) in &described {
            rows.push(vec![escape(name), format!("<code>{}</code>", escape(&text(value)))]);
        }
    });
    match last {
        Some(last) => {
            body.push_str("<h2>The last messages, newest first</h2>");
            table(
                &mut body,
                &["at", "what", "from", "bytes", "queued", "took", "shared by", "trace"],
                |rows| {
                    rows.extend(last.iter().rev().map(row));
                },
            );
        }
        None => body
            .push_str("<p>Nothing is recorded, or it handles a message on another thread now.</p>"),
    }
    Some(page(id.as_str(), &body))
}

fn describe(
    node: &Node,
    id: &ProcessId,
    entry: &Entry,
    said: Option<Arc<Observation>>,
    record: Option<&FlightRecord>,
) -> Map<String, Value> {
    let queue = entry.door.queue();
    let links = node.links_of(id);
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| map.insert(name.into(), value);
    put("id", json!(id.as_str()));
    put("kind", json!(entry.door.kind()));
    put("thread", json!(entry.door.place().map_or("", |place| place.name())));
    put("queue_depth", json!(queue.messages));
    put("queue_bytes", json!(queue.bytes));
    put("oldest_message_ms", json!(queue.oldest.as_millis() as u64));
    put("messages_handled", json!(queue.handled));
    put("messages_rejected", json!(queue.rejected));
    put("answers", json!(said.is_some()));
    put("state", said.map_or(Value::Null, |said| said.state.clone()));
    put("links_to", json!(links.0));
    put("linked_from", json!(links.1));
    if let Some(record) = record {
        let times = record.handler_times.iter();
        let below: Vec<_> = times
            .map(|(below, count)| json!({"below_ns": below.as_nanos() as u64, "messages": count}))
            .collect();
        put("handler_times", json!(below));
    }
    map
}

fn shown(record: &Record) -> Value {
    json!({
        "what": record.what,
        "from": record.from.as_ref().map(ToString::to_string),
        "bytes": record.bytes,
        "trace": record.trace.map(|trace| format!("{:032x}", trace.trace_id)),
        "at_ns": record.at.as_nanos(),
        "queued_ns": record.queued.as_nanos() as u64,
        "took_ns": record.took.as_nanos() as u64,
        "turn": record.turn,
    })
}

fn row(record: &Record) -> Vec<String> {
    let from = record.from.as_ref().map_or("nobody".to_owned(), ToString::to_string);
    let trace = record.trace.map(|trace| format!("{:032x}", trace.trace_id)).unwrap_or_default();
    vec![
        format!("{:.6}", record.at.as_nanos() as f64 / 1e9),
        escape(&record.what),
        escape(&from),
        record.bytes.to_string(),
        format!("{:?}", record.queued),
        format!("{:?}", record.took),
        record.turn.to_string(),
        trace,
    ]
}

/// Whether `text/html` is named, and before `application/json`.
fn wants_page(request: &Request) -> bool {
    let accepted = request.header("accept").unwrap_or("").to_ascii_lowercase();
    match (accepted.find("text/html"), accepted.find("application/json")) {
        (Some(html), Some(json)) => html < json,
        (html, None) => html.is_some(),
        (None, _) => false,
    }
}

/// A string as it is, anything else as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn table(body: &mut String, heads: &[&str], fill: impl FnOnce(&mut Vec<Vec<String>>)) {
    let mut rows = Vec::new();
    fill(&mut rows);
    body.push_str("<table><tr>");
    for head in heads {
        // Writing to a String cannot fail.
        let _ = write!(body, "<th>{head}</th>");
    }
    body.push_str("</tr>");
    for row in rows {
        let _ = write!(body, "<tr><td>{}</td></tr>", row.join("</td><td>"));
    }
    body.push_str("</table>");
}

fn page(title: &str, body: &str) -> Response {
    const STYLE: &str = "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}\
        td,th{border:1px solid #ccc;padding:.2em .6em;text-align:left;vertical-align:top}\
        code{white-space:pre-wrap;word-break:break-word}";
    let title = escape(title);
    let html = format!(
        "<!doctype html><html><head><meta charset=\"utf-8\"><title>{title}</title>\
        <style>{STYLE}</style></head><body>{body}</body></html>"
    );
    // Nothing of another origin is loaded, nor any script run, whatever a process says of itself.
    Response::text(StatusCode::OK, html)
        .with_header(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))
        .with_header(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
        )
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
