//! Tests of the frames' border: what an authenticated but hostile, broken or newer peer may send.
//! Its own connection ends; the process it was for, and everybody else's connection, live
//! (LP-05). The same list over TCP and over the simulated network.

#[cfg(feature = "sim")]
mod simulated;
mod tcp;

use super::{Admission, Authenticator, NodeConfig, Target};
use crate::node::Node;
use crate::peer::Role;
use crate::trace::TraceState;
use crate::wire::{Envelope, Header, Names, Route, MAX_PIECE, MAX_ROUTES};
use crate::{Context, Gate, Process, Receive, Sender};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;

const PEER: Role = Role::of("peer");

struct Anyone;

impl Authenticator for Anyone {
    fn admit(&self, _: &str) -> Option<Admission> {
        let secret = b"k".to_vec();
        Some(Admission { secret, role: PEER })
    }
    fn presents(&self) -> (String, Role) {
        ("s".into(), PEER)
    }
}

/// Counts what it was told.
#[derive(Clone, Default)]
struct Victim(Arc<AtomicU64>);

impl Victim {
    fn heard(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Process for Victim {
    const NAME: &'static str = "target";
    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<u64>(&[PEER]);
    }
}

impl Receive<u64> for Victim {
    fn receive(&mut self, _: u64, _: &Sender, _: &mut Context<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn listening() -> NodeConfig {
    NodeConfig {
        listen: Some("127.0.0.1:0".into()),
        admit: Arc::new(Anyone),
        ..NodeConfig::new("t", "s")
    }
}

fn target(node: &Node) -> Target {
    Target {
        address: node.advertised().to_owned(),
        principal: "p".into(),
        secret: b"k".to_vec(),
        role: PEER,
    }
}

fn send(to: &str, wire: &str, payload: &[u8]) -> Vec<u8> {
    by(Route::Named(0, Names { to, from: "x", wire, variant: "" }), payload)
}

fn by(route: Route<'_>, payload: &[u8]) -> Vec<u8> {
    let header = Header { route, trace: None, state: TraceState::NONE };
    Envelope::Send { header, payload }.encode().unwrap()
}

fn chunk(stream: u64, last: bool, part: &[u8]) -> Vec<u8> {
    Envelope::Chunk { stream, last, part }.encode().unwrap()
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes()[..], body].concat()
}

/// What breaks a connection: what it is, and the bytes of a stream.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let mut deep = vec![0x91; 4000];
    deep.push(0);
    let link = |watcher: &str| Envelope::Link { watcher, target: "target" }.encode().unwrap();
    let names = Names { to: "target", from: "x", wire: "value", variant: "" };
    vec![
        ("oversized", (MAX_PIECE as u32 + 1).to_le_bytes().to_vec()),
        ("a length of all ones", u32::MAX.to_le_bytes().to_vec()),
        ("empty", framed(&[])),
        ("unknown tag", framed(&[77, 1, 2, 3])),
        ("header cut short", framed(&[0, 1, 255, b'x'])),
        ("route that was never named", by(Route::Known(7), &[1])),
        ("route numbered too high", by(Route::Named(MAX_ROUTES + 1, names), &[1])),
        ("route whose number has no end", framed(&[&[0][..], &[0xff; 12]].concat())),
        ("impossible receiver", send("a b", "value", &[1])),
        ("chunk of nothing", chunk(1, false, &[])),
        ("chunks of a broken frame", [chunk(1, false, &[77]), chunk(1, true, &[1])].concat()),
        ("chunks of a chunk", chunk(1, true, &chunk(2, true, &[8])[4..])),
        ("chunks without an end", chunk(1, false, &[0; 60_000]).repeat(300)),
        ("too many frames in chunks", (0..17).flat_map(|n| chunk(n, false, &[0])).collect()),
        ("name that is not UTF-8", framed(&[4, 1, 0, 0xff, 1, 0, b'x'])),
        ("bytes after its end", framed(&[8, 0, 0, 0, 0, 0, 0, 0, 0, 1])),
        ("proof after the handshake", framed(&[9, 1, 2, 3])),
        ("impossible watcher", link("a b")),
        ("payload of another shape", send("target", "value", &[0xa1, b'x'])),
        ("payload with a tail", send("target", "value", &[1, 1])),
        ("payload nested too deep", send("target", "value", &deep)),
        ("empty payload", send("target", "value", &[])),
        ("HTTP again", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ]
}

/// What does not: nobody of that name, a message that is fine, an answer nobody asked for.
fn harmless() -> [Vec<u8>; 3] {
    [send("nobody", "value", &[1]), send("target", "value", &[1]), framed(&[3, 9, 0])]
}
