use super::super::{Names, MAX_ROUTES};
use super::*;
use crate::trace::{TraceContext, TraceState};
use proptest::prelude::*;

fn names() -> Names<'static> {
    Names { to: "master", from: "agent", wire: "master.FromAgent", variant: "Pong" }
}

const TRACE: Option<TraceContext> = Some(TraceContext { trace_id: 7, span_id: 9, flags: 1 });

fn header(route: Route<'static>, trace: Option<TraceContext>, state: &str) -> Header<'static> {
    Header { route, trace, state: TraceState::parse(state) }
}

fn samples() -> Vec<Envelope<'static>> {
    let named = header(Route::Named(3, names()), TRACE, "");
    let known = header(Route::Known(3), None, "");
    let stateful = header(Route::Named(0, names()), TRACE, "a=b,c@d=e");
    vec![
        Envelope::Send { header: named, payload: b"abc" },
        Envelope::Send { header: known.clone(), payload: b"" },
        Envelope::Send { header: stateful, payload: b"abc" },
        Envelope::Ask { id: 300, within_ms: 5, header: known, payload: b"abc" },
        Envelope::Answer { id: 3, payload: b"abc" },
        Envelope::NoAnswer { id: u64::MAX, code: no_answer::UNSUPPORTED },
        Envelope::Link { watcher: "a", target: "b" },
        Envelope::Exited { watcher: "a", target: "b", code: 2, detail: "x" },
        Envelope::Unsupported { wire: "w", variant: "v" },
        Envelope::Ping { sequence: 1 },
        Envelope::Pong { sequence: 2 },
        Envelope::Proof { mac: b"abc" },
        Envelope::Unlink { watcher: "a", target: "b" },
        Envelope::Verdict { code: verdict::DUPLICATE, why: "x" },
        Envelope::Grant { process: "a", bytes: 1 << 40 },
        Envelope::Chunk { stream: 70, last: true, part: b"abc" },
        Envelope::Chunk { stream: 0, last: false, part: b"" },
    ]
}

#[test]
fn every_frame_round_trips() {
    for envelope in samples() {
        let frame = envelope.encode().unwrap();
        let length = u32::from_le_bytes(frame[..4].try_into().unwrap()) as usize;
        assert_eq!(length, frame.len() - 4);
        assert_eq!(Envelope::decode(&frame[4..]).unwrap(), envelope);
    }
}

/// Broken envelopes are errors at every cut and for every flipped byte, never panics.
#[test]
fn broken_frames_are_errors() {
    for envelope in samples() {
        let frame = envelope.encode().unwrap();
        for cut in 4..frame.len() {
            let _ = Envelope::decode(&frame[4..cut]);
        }
        for at in 4..frame.len() {
            let mut bytes = frame.clone();
            bytes[at] ^= 0xff;
            let _ = Envelope::decode(&bytes[4..]);
        }
    }
    assert_eq!(Envelope::decode(&[]), Err(EnvelopeError::Truncated("tag")));
    assert_eq!(Envelope::decode(&[77]), Err(EnvelopeError::UnknownTag(77)));
}

#[test]
fn a_frame_over_the_limit_is_not_written() {
    let payload = vec![0; MAX_FRAME];
    let answer = Envelope::Answer { id: 1, payload: &payload };
    assert_eq!(answer.encode(), Err(EnvelopeError::TooLarge(MAX_FRAME + 2)));
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes()[..], body].concat()
}

#[test]
fn golden_bytes_of_a_send() {
    let mut expected = vec![0, 3 << 1 | 1];
    for text in ["master", "agent", "master.FromAgent", "Pong"] {
        expected.push(text.len() as u8);
        expected.extend(text.as_bytes());
    }
    expected.push(1);
    expected.extend(7u128.to_be_bytes());
    expected.extend(9u64.to_be_bytes());
    expected.push(1);
    expected.extend(b"abc");
    assert_eq!(samples()[0].encode().unwrap(), framed(&expected));
    // The same way again: seven bytes of it.
    let again = Envelope::Send { header: header(Route::Known(3), None, ""), payload: b"abc" };
    assert_eq!(again.encode().unwrap(), [6, 0, 0, 0, 0, 3 << 1, 0, b'a', b'b', b'c']);
}

#[test]
fn golden_bytes_of_the_others() {
    let expected: [&[u8]; 14] = [
        &[1, 0xac, 2, 5, 6, 0, b'a', b'b', b'c'],
        &[2, 3, b'a', b'b', b'c'],
        &[3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 1],
        &[4, 1, 0, b'a', 1, 0, b'b'],
        &[5, 1, 0, b'a', 1, 0, b'b', 2, 1, 0, b'x'],
        &[6, 1, 0, b'w', 1, 0, b'v'],
        &[7, 1, 0, 0, 0, 0, 0, 0, 0],
        &[8, 2, 0, 0, 0, 0, 0, 0, 0],
        &[9, b'a', b'b', b'c'],
        &[10, 1, 0, b'a', 1, 0, b'b'],
        &[11, 1, 1, 0, b'x'],
        &[12, 1, 0, b'a', 128, 128, 128, 128, 128, 32],
        &[13, 70 << 1 & 0x7f | 0x80 | 1, 1, b'a', b'b', b'c'],
        &[13, 0],
    ];
    for (envelope, bytes) in samples()[3..].iter().zip(expected) {
        assert_eq!(envelope.encode().unwrap(), framed(bytes), "{envelope:?}");
    }
}

/// What an envelope may hold, whatever its tag.
#[derive(Clone, Debug)]
struct Parts {
    texts: [String; 4],
    number: u32,
    named: bool,
    trace: Option<(u128, u64, u8)>,
    state: String,
    large: u64,
    small: u8,
    last: bool,
    bytes: Vec<u8>,
}

fn parts() -> impl Strategy<Value = Parts> {
    let texts = [".{0,60}", ".{0,60}", ".{0,60}", ".{0,60}"];
    let trace = proptest::option::of((1u128.., 1u64.., any::<u8>()));
    let route = (texts, 1..=MAX_ROUTES, any::<bool>());
    let rest = (any::<u64>(), any::<u8>(), any::<bool>());
    let bytes = proptest::collection::vec(any::<u8>(), 0..300);
    let state = prop_oneof![Just(String::new()), "[a-z]{1,9}=[!-+]{1,20}"];
    (route, trace, state, rest, bytes).prop_map(|(route, trace, state, rest, bytes)| Parts {
        texts: route.0,
        number: route.1,
        named: route.2,
        trace,
        state,
        large: rest.0,
        small: rest.1,
        last: rest.2,
        bytes,
    })
}

fn envelope(kind: u8, parts: &Parts) -> Envelope<'_> {
    let [a, b, c, d] = parts.texts.each_ref().map(String::as_str);
    let names = Names { to: a, from: b, wire: c, variant: d };
    let route = match parts.named {
        true => Route::Named(parts.number, names),
        false => Route::Known(parts.number),
    };
    let of = |(trace_id, span_id, flags)| TraceContext { trace_id, span_id, flags };
    let trace = parts.trace.map(of);
    let state = trace.map_or(TraceState::NONE, |_| TraceState::parse(&parts.state));
    let header = Header { route, trace, state };
    let (id, payload) = (parts.large, &parts.bytes[..]);
    match kind {
        0 => Envelope::Send { header, payload },
        1 => Envelope::Ask { id, within_ms: id / 2, header, payload },
        2 => Envelope::Answer { id, payload },
        3 => Envelope::NoAnswer { id, code: parts.small },
        4 => Envelope::Link { watcher: a, target: b },
        5 => Envelope::Unlink { watcher: a, target: b },
        6 => Envelope::Exited { watcher: a, target: b, code: parts.small, detail: c },
        7 => Envelope::Unsupported { wire: a, variant: b },
        8 => Envelope::Ping { sequence: id },
        9 => Envelope::Pong { sequence: id },
        10 => Envelope::Proof { mac: payload },
        11 => Envelope::Verdict { code: parts.small, why: a },
        12 => Envelope::Grant { process: a, bytes: id },
        _ => Envelope::Chunk { stream: id / 2, last: parts.last, part: payload },
    }
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_the_same(kind in 0u8..14, parts in parts()) {
        let envelope = envelope(kind, &parts);
        let written = envelope.encode().unwrap();
        prop_assert_eq!(Envelope::decode(&written[PREFIX..]), Ok(envelope));
    }

    /// Whatever can be read at all is written as something that reads the same.
    #[test]
    fn whatever_is_read_is_written_the_same(
        tag in 0u8..15,
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let frame = [&[tag], &bytes[..]].concat();
        if let Ok(envelope) = Envelope::decode(&frame) {
            let written = envelope.encode().unwrap();
            prop_assert_eq!(Envelope::decode(&written[PREFIX..]), Ok(envelope));
        }
    }
}
