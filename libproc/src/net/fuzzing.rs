//! What must hold for anything that arrives on a connection. For fuzz targets and the replay of
//! their corpus only: behind the feature `fuzzing`, and no part of the API.
//!
//! Read next: `tcp.rs` for the stream, `../wire/` for frames and payloads, `upgrade.rs` for the
//! handshake.

use super::handshake::{prove, welcome, Channel};
use super::tcp::next_frame;
use super::upgrade::{read_hello, read_welcome, upgrade_request, write_welcome};
use super::{
    Admission, Authenticator, Handshaken, NodeConfig, Outbox, Queue, Taken, Target, Transport,
};
use crate::id::NodeId;
use crate::node::Incoming;
use crate::peer::{Peer, Role};
use crate::sim::Sim;
use crate::wire::{decode, Assembly, Envelope, MAX_OPEN_BYTES, MAX_PIECE, PREFIX, WINDOW};
use crate::{Answer, Context, Gate, Process, Receive, Reply, Sender};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Takes `input` for a stream of frames, for one frame without its length, and for the headers of
/// a handshake. Panics where a promise is broken.
pub fn check(input: &[u8]) {
    codec(input);
    connection(input);
    handshake(input);
}

/// The part of [`check`] that is nothing but reading and writing: for the interpreter.
pub fn codec(input: &[u8]) {
    stream(input);
    frame(input);
}

/// How a stream arrives changes nothing, and what is written is read again.
fn stream(input: &[u8]) {
    let whole = frames([input]);
    for size in [1, 3, 16] {
        assert_eq!(frames(input.chunks(size)), whole, "in chunks of {size}");
    }
    for body in &whole.0 {
        frame(body);
    }
    parts(&whole.0);
}

/// The frames of a stream, and the length of one that is too large.
fn frames<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, Option<usize>) {
    let (mut buffer, mut frames) = (Vec::new(), Vec::new());
    for part in parts {
        buffer.extend_from_slice(part);
        loop {
            let frame = match next_frame(&buffer, MAX_PIECE) {
                Ok(Some(frame)) => frame.to_vec(),
                Ok(None) => break,
                Err(length) => return (frames, Some(length)),
            };
            buffer.drain(..PREFIX + frame.len());
            frames.push(frame);
        }
    }
    (frames, None)
}

/// Long frames come together in bounded room, from nothing but what arrived.
fn parts(frames: &[Vec<u8>]) {
    let (mut assembly, mut arrived) = (Assembly::default(), 0);
    for body in frames {
        let Ok(Envelope::Chunk { stream, last, part }) = Envelope::decode(body) else {
            continue;
        };
        match assembly.add(stream, last, part) {
            Ok(Some(whole)) => {
                arrived = arrived + part.len() - whole.len();
                frame(&whole);
            }
            Ok(None) => arrived += part.len(),
            Err(_) => return,
        }
        assert_eq!(assembly.bytes(), arrived);
        assert!(arrived <= MAX_OPEN_BYTES);
    }
}

/// A frame that can be read is written as one that reads the same; its payload is read or refused.
fn frame(body: &[u8]) {
    let Ok(envelope) = Envelope::decode(body) else {
        return;
    };
    let written = envelope.encode().expect("what was read fits a frame");
    assert_eq!(Envelope::decode(&written[PREFIX..]).as_ref(), Ok(&envelope));
    if let Envelope::Send { payload, .. } | Envelope::Ask { payload, .. } = &envelope {
        let _ = decode::<IgnoredAny>(payload);
    }
}

/// An authenticated peer's stream, taken by a node: it is read or ends the connection, in bounded
/// room, and the process that it speaks to lives.
fn connection(input: &[u8]) {
    let mut sim = Sim::new(1);
    let machine = sim.machine("m", "host:1");
    let node = sim.start(machine, NodeConfig::new("c", "fuzz"));
    let spawned = node.spawn("master", Heard);
    assert!(spawned.is_ok());
    let peer = Peer {
        node: NodeId(7),
        principal: "p".into(),
        role: PEER,
        address: None,
        features: Vec::new(),
    };
    let outbox = Arc::new(Outbox::new(Queue::of_bytes(), Box::new(Nowhere)));
    let made = Handshaken { peer, ours: false, outbox: outbox.clone() };
    let connection = node.connected(made).expect("it is the first");
    let (mut incoming, mut buffer) = (Incoming::default(), Vec::new());
    for part in input.chunks(400) {
        buffer.extend_from_slice(part);
        loop {
            match node.received(&connection, &mut incoming, &mut buffer) {
                Ok(true) => break,
                Ok(false) => {}
                Err(_) => return node.disconnected(&connection, "broken"),
            }
        }
        let held = node.counts().held_bytes;
        assert!(held <= WINDOW + input.len() as u64, "{held} bytes are held");
    }
    sim.run_for(Duration::from_secs(1));
    connection.settle();
    assert!(node.process("master").is_some());
    // Nothing is held any more but parts that wait for the rest of their frame.
    assert!(node.counts().held_bytes <= input.len() as u64);
    let mut out = Vec::new();
    while outbox.take(&mut out) == Taken::Frames {
        let (said, rest) = frames([&out[..]]);
        assert_eq!(rest, None);
        said.iter().for_each(|said| assert!(Envelope::decode(said).is_ok()));
    }
}

const PEER: Role = Role::of("peer");

/// Takes anything of an enum of one variant.
struct Heard;

#[derive(Serialize, Deserialize)]
#[serde(rename = "master.FromAgent")]
enum FromAgent {
    Pong { sequence: u64 },
}

impl Process for Heard {
    const NAME: &'static str = "heard";
    fn gate(gate: &mut Gate<Self>) {
        gate.receives::<FromAgent>(&[PEER]);
        gate.answers::<FromAgent>(&[PEER]);
    }
}

impl Receive<FromAgent> for Heard {
    fn receive(&mut self, _: FromAgent, _: &Sender, _: &mut Context<Self>) {}
}

impl Answer<FromAgent> for Heard {
    type Reply = u64;
    fn answer(&mut self, asked: FromAgent, _: &Sender, reply: Reply<u64>, _: &mut Context<Self>) {
        let FromAgent::Pong { sequence } = asked;
        reply.send(sequence);
    }
}

struct Nowhere;

impl Transport for Nowhere {
    fn wake(&self, _: &Outbox) {}
    fn close(&self, _: &str) {}
    fn finish(&self, _: &str) {}
}

/// Lines of `name: value` as HTTP would deliver them: a hello that can be read is said the same
/// again, and is welcomed or refused.
fn handshake(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (halves.next(), halves.next());
        let name = HeaderName::from_bytes(name.unwrap_or_default());
        let value = HeaderValue::from_bytes(value.unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    if let Some(welcome) = read_welcome(&headers) {
        let mut said = HeaderMap::new();
        write_welcome(&welcome, &mut said);
        assert_eq!(read_welcome(&said), Some(welcome));
    }
    let Some(hello) = read_hello(&headers) else {
        return;
    };
    let request = upgrade_request("host:1", &hello).expect("what was read can be said");
    assert_eq!(read_hello(request.headers()).as_ref(), Some(&hello));
    let mut config = NodeConfig::new("c", "fuzz");
    config.admit = Arc::new(Anybody);
    let Ok(pending) = welcome(&config, NodeId(1), [0; 16], &hello, &Channel::default()) else {
        return;
    };
    let target = Target {
        address: "host:1".into(),
        principal: hello.principal.clone(),
        secret: SECRET.into(),
        role: Role::of("server"),
    };
    let (_, proof) = prove(&config, &target, &hello, &pending.welcome, &Channel::default())
        .expect("both know the secret");
    assert!(pending.proven(&proof));
    assert!(!pending.proven(&input[..proof.len().min(input.len())]));
}

const SECRET: &[u8] = b"secret";

struct Anybody;

impl Authenticator for Anybody {
    fn admit(&self, _: &str) -> Option<Admission> {
        Some(Admission { secret: SECRET.into(), role: Role::of("peer") })
    }

    fn presents(&self) -> (String, Role) {
        ("server".into(), Role::of("server"))
    }
}
