//! The operators' event stream (A9), byte by byte.

use crate::raw::{Connection, Head};
use meseta_api::codec::Codec;
use meseta_api::v1::master::event::Type;
use meseta_api::v1::master::Event;
use meseta_tests::real::local::Local;
use serde_json::Value;

const SUBSCRIBE: &str = r#"{"type":"SUBSCRIBE"}"#;
const FRAMEWORK: &str =
    r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"raw"}}}"#;

fn post(port: u16, path: &str, headers: &str, body: &str) -> (Head, Connection) {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n{headers}\
         Content-Length: {length}\r\n\r\n{body}"
    );
    let mut connection = Connection::send(port, request.as_bytes());
    let head = connection.head().expect("an answer");
    assert_eq!(head.status, 200);
    (head, connection)
}

/// A stream at its first record, and its leader.
fn follow(port: u16, codec: Codec, after: &str) -> (String, Connection) {
    let accept = codec.media_type();
    let headers = format!("Accept: {accept}\r\n{after}");
    let (head, connection) = post(port, "/api/v1/operator", &headers, SUBSCRIBE);
    assert_eq!(head.all("content-type"), [accept]);
    assert_eq!(head.all("transfer-encoding"), ["chunked"]);
    let leader = head.all("meseta-stream-leader");
    (leader.first().expect("a leader").to_string(), connection)
}

/// The bytes of the record in the next chunk, which must hold one and nothing else.
fn bytes(connection: &mut Connection) -> Vec<u8> {
    let chunk = connection.chunk().expect("a chunk");
    let newline = chunk.iter().position(|byte| *byte == b'\n').expect("a record's header");
    let length: usize = std::str::from_utf8(&chunk[..newline]).unwrap().parse().unwrap();
    assert_eq!(chunk.len(), newline + 1 + length, "one record is one chunk");
    chunk[newline + 1..].to_vec()
}

/// The next event that is no heartbeat, and its number.
fn event(connection: &mut Connection) -> (Event, u64) {
    loop {
        let bytes = bytes(connection);
        let event: Event = Codec::Json.decode(&bytes).expect("an event");
        let json: Value = serde_json::from_slice(&bytes).expect("JSON");
        let number = json["meseta_sequence"].as_u64().expect("a number");
        if event.r#type() != Type::Heartbeat {
            return (event, number);
        }
    }
}

fn kinds(connection: &mut Connection, count: usize) -> Vec<(&'static str, u64)> {
    let events = (0..count).map(|_| event(connection));
    events.map(|(event, number)| (event.r#type().as_str_name(), number)).collect()
}

/// SUBSCRIBE (MOP-16).
#[test]
fn evt_01_to_04_streams_begin_go_on_and_break_off() {
    let local = Local::start(1);
    let port = local.port;
    let (leader, mut first) = follow(port, Codec::Json, "");
    let (begun, at) = event(&mut first);
    let begun = begun.subscribed.expect("SUBSCRIBED first");
    assert_eq!(begun.heartbeat_interval_seconds, Some(15.0));
    let state = begun.get_state.expect("the state");
    assert_eq!(state.get_agents.expect("agents").agents.len(), 1);
    let (_, mut second) = follow(port, Codec::Protobuf, "");
    for kind in [Type::Subscribed, Type::Heartbeat] {
        let told: Event = Codec::Protobuf.decode(&bytes(&mut second)).expect("an event");
        assert_eq!(told.r#type(), kind);
    }

    // A framework comes and, with its stream, goes for ever.
    let (_, stream) = post(port, "/api/v1/scheduler", "", FRAMEWORK);
    let (added, number) = event(&mut first);
    assert_eq!(number, at + 1);
    let added = added.framework_added.expect("FRAMEWORK_ADDED").framework;
    assert!(added.connected && added.active);
    drop(stream);
    let told = kinds(&mut first, 2);
    assert_eq!(told, [("FRAMEWORK_UPDATED", at + 2), ("FRAMEWORK_REMOVED", at + 3)]);
    for kind in [Type::FrameworkAdded, Type::FrameworkUpdated, Type::FrameworkRemoved] {
        let told: Event = Codec::Protobuf.decode(&bytes(&mut second)).expect("an event");
        assert_eq!(told.r#type(), kind);
    }

    // Who broke off goes on where it was; who does not know where begins anew.
    drop(first);
    let after = format!("Meseta-Resume-After: {leader}/{}\r\n", at + 1);
    let (_, mut resumed) = follow(port, Codec::Json, &after);
    assert_eq!(kinds(&mut resumed, 2), told);
    for bad in [format!("{leader}/{}", at + 99), format!("other/{at}"), "x".to_owned()] {
        let after = format!("Meseta-Resume-After: {bad}\r\n");
        let (_, mut anew) = follow(port, Codec::Json, &after);
        assert_eq!(kinds(&mut anew, 1), [("SUBSCRIBED", at + 3)], "{bad}");
    }
}
