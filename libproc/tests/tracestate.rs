//! `tracestate` goes where its trace goes: in from an HTTP request, on with what is told, sent,
//! deferred and answered; one that is not understood is dropped, and the trace goes on.
mod common;
use common::*;
use libproc::http::{Response, Routes, StatusCode};
use libproc::{Context, Gate, Process, Receive, Remote, Sender};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[derive(Serialize, Deserialize)]
#[serde(rename = "test.Hop")]
struct Hop;

struct Deferred;

fn seen<P: Process>(cx: &Context<P>) -> String {
    let trace = cx.trace().map_or("none".to_owned(), |trace| trace.to_string());
    format!("{trace} [{}]", cx.trace_state().as_str())
}

struct Near {
    journal: Journal,
    to: Remote<Hop>,
}

impl Process for Near {
    const NAME: &'static str = "near";
    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<Hop>(&[SERVER]);
    }
    fn routes(routes: &mut Routes<Self>) {
        routes.at_root("/go", "begins", |me, _, reply, cx| {
            me.journal.note(format!("http {}", seen(cx)));
            let me = cx.me().clone();
            cx.defer(async {}, move |_, (), cx| cx.tell(&me, Deferred));
            reply.send(Response::status(StatusCode::OK));
        });
    }
}

impl Receive<Deferred> for Near {
    fn receive(&mut self, _: Deferred, _: &Sender, cx: &mut Context<Self>) {
        self.journal.note(format!("told {}", seen(cx)));
        cx.send(&self.to, Hop);
    }
}

impl Receive<Hop> for Near {
    fn receive(&mut self, _: Hop, _: &Sender, cx: &mut Context<Self>) {
        self.journal.note(format!("back {}", seen(cx)));
        // The state belongs to its trace, and comes back with it.
        let trace = cx.trace();
        cx.continue_trace(None);
        assert!(cx.trace_state().is_none());
        cx.continue_trace(trace);
        self.journal.note(format!("again {}", seen(cx)));
    }
}

struct Far(Journal);

impl Process for Far {
    const NAME: &'static str = "far";
    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<Hop>(&[CLIENT]);
    }
}

impl Receive<Hop> for Far {
    fn receive(&mut self, _: Hop, from: &Sender, cx: &mut Context<Self>) {
        self.0.note(format!("far {}", seen(cx)));
        if let Some(near) = from.remote() {
            cx.send(&near, Hop);
        }
    }
}

#[allow(clippy::disallowed_types, reason = "a client is another program")]
async fn get(at: &str, headers: &str) {
    let mut socket = tokio::net::TcpStream::connect(at).await.unwrap();
    let request = format!("GET /go HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// What each hop sees of a request with these headers.
fn hops(headers: &'static str) -> Vec<String> {
    let seen = Journal::default();
    let journal = seen.clone();
    over_tcp(move |mut stage| async move {
        let pair = stage.pair().await;
        // The client's side listens too: HTTP comes in there.
        let near = stage.node(listening("near")).await;
        stage.connect(&near, &pair.server).await;
        pair.server.spawn("far", Far(journal.clone())).unwrap();
        let to = remote(&pair.server, &near, "far");
        near.spawn("near", Near { journal: journal.clone(), to }).unwrap();
        get(near.advertised(), headers).await;
        stage.until("all hops", || journal.lines().len() == 5).await;
    });
    seen.lines()
}

#[test]
fn a_state_goes_where_its_trace_goes() {
    let headers = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
                   tracestate: rojo=1, congo=t61\r\ntracestate: b@c=x\r\n";
    for (hop, line) in ["http", "told", "far", "back", "again"].iter().zip(hops(headers)) {
        assert_eq!(line, format!("{hop} {PARENT} [rojo=1,congo=t61,b@c=x]"));
    }
}

#[test]
fn a_state_that_is_not_understood_is_dropped_alone() {
    let headers = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
                   tracestate: NO=1\r\n";
    assert_eq!(hops(headers)[4], format!("again {PARENT} []"));
}

#[test]
fn a_state_without_a_trace_is_none() {
    assert_eq!(hops("tracestate: a=1\r\n")[4], "again none []");
}
