//! What must hold for anything that arrives on a connection. For fuzz targets and the replay of
//! their corpus only: behind the feature `fuzzing`, and no part of the API.
//!
//! Read next: `tcp.rs` for the stream, `../wire/` for frames and payloads, `upgrade.rs` for the
//! handshake.

use super::handshake::{prove, welcome, Channel};
use super::tcp::next_frame;
use super::upgrade::{read_hello, read_welcome, upgrade_request, write_welcome};
use super::{Admission, Authenticator, NodeConfig, Target};
use crate::id::NodeId;
use crate::peer::Role;
use crate::wire::{decode, Envelope};
use bytes::{Bytes, BytesMut};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::IgnoredAny;
use std::sync::Arc;

/// Takes `input` for a stream of frames, for one frame without its length, and for the headers of
/// a handshake. Panics where a promise is broken.
pub fn check(input: &[u8]) {
    stream(input);
    frame(Bytes::copy_from_slice(input));
    handshake(input);
}

/// How a stream arrives changes nothing, and what is written is read again.
fn stream(input: &[u8]) {
    let whole = frames([input]);
    for size in [1, 3, 16] {
        assert_eq!(frames(input.chunks(size)), whole, "in chunks of {size}");
    }
    for body in whole.0 {
        frame(body);
    }
}

/// The frames of a stream, and the length of one that is too large.
fn frames<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Bytes>, Option<usize>) {
    let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
    for part in parts {
        buffer.extend_from_slice(part);
        loop {
            match next_frame(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(length) => return (frames, Some(length)),
            }
        }
    }
    (frames, None)
}

/// A frame that can be read is written as one that reads the same; its payload is read or refused.
fn frame(body: Bytes) {
    let Ok(envelope) = Envelope::decode(body) else {
        return;
    };
    let written = envelope.encode().expect("what was read fits a frame");
    let (mut again, rest) = frames([&written[..]]);
    assert_eq!((again.len(), rest), (1, None));
    assert_eq!(Envelope::decode(again.remove(0)).as_ref(), Ok(&envelope));
    if let Envelope::Send { payload, .. } | Envelope::Ask { payload, .. } = &envelope {
        let _ = decode::<IgnoredAny>(payload);
    }
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
