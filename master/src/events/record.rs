//! [`Record`]: an event with its number, written once per codec; and [`Past`], the latest of them.
//!
//! Every event has a number, one greater than that of the event before under the same leader. It
//! stands beside the event's own fields, where clients of the reference do not look: in JSON as the
//! member [`NUMBER`], in protobuf as the varint field [`FIELD`]. SUBSCRIBED and HEARTBEAT have the
//! number of the event before them.
//!
//! The last record of a stream that the master ends says why, in [`ENDED`] or [`ENDED_FIELD`]; its
//! type is UNKNOWN, which clients pass over.

use bytes::Bytes;
use meseta_api::codec::Codec;
use meseta_api::recordio;
use meseta_api::v1::master::event::Type;
use meseta_api::v1::master::Event;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

/// The number's name in JSON.
pub const NUMBER: &str = "meseta_sequence";

/// The number's field in protobuf.
pub const FIELD: u32 = 1001;

/// The name in JSON of why a stream ends.
pub const ENDED: &str = "meseta_ended";

/// Its field in protobuf, a string.
pub const ENDED_FIELD: u32 = 1002;

/// The header of a response that names the leader whose numbers are counted.
pub const LEADER: &str = "meseta-stream-leader";

/// Remembered bytes of events, as protobuf has them; what is kept is a few times as much.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Adds the number to an encoded event.
pub(crate) fn numbered(codec: Codec, mut encoded: Vec<u8>, number: u64) -> Vec<u8> {
    match codec {
        Codec::Json => member(&mut encoded, NUMBER, &number.to_string()),
        Codec::Protobuf => {
            varint(&mut encoded, u64::from(FIELD) << 3);
            varint(&mut encoded, number);
        }
    }
    encoded
}

/// The last record of a stream that the master ends, framed.
pub(crate) fn farewell(codec: Codec, why: &str) -> Bytes {
    let event = Event { r#type: Some(Type::Unknown.into()), ..Default::default() };
    let mut encoded = codec.encode(&event);
    match codec {
        Codec::Json => member(&mut encoded, ENDED, &serde_json::Value::from(why).to_string()),
        Codec::Protobuf => {
            varint(&mut encoded, (u64::from(ENDED_FIELD) << 3) | 2);
            varint(&mut encoded, why.len() as u64);
            encoded.extend_from_slice(why.as_bytes());
        }
    }
    recordio::encode(&encoded).into()
}

/// An event has a type, so its object is not empty.
fn member(encoded: &mut Vec<u8>, name: &str, value: &str) {
    encoded.pop();
    encoded.extend_from_slice(format!(",\"{name}\":{value}}}").as_bytes());
}

fn varint(encoded: &mut Vec<u8>, mut value: u64) {
    while value > 127 {
        encoded.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    encoded.push(value as u8);
}

/// An event that happened.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) number: u64,
    pub(crate) event: Event,
    size: usize,
    json: OnceLock<Bytes>,
    protobuf: OnceLock<Bytes>,
}

impl Record {
    pub(crate) fn new(number: u64, event: Event) -> Self {
        let size = meseta_api::codec::encoded_len(&event);
        Record { number, event, size, json: OnceLock::new(), protobuf: OnceLock::new() }
    }

    /// As it is sent; written at the first call.
    pub(crate) fn framed(&self, codec: Codec) -> Bytes {
        let known = match codec {
            Codec::Json => &self.json,
            Codec::Protobuf => &self.protobuf,
        };
        let write = || {
            let encoded = numbered(codec, codec.encode(&self.event), self.number);
            recordio::encode(&encoded).into()
        };
        known.get_or_init(write).clone()
    }
}

/// The latest events.
#[derive(Debug, Default)]
pub(crate) struct Past {
    records: VecDeque<Arc<Record>>,
    bytes: usize,
    /// The number of the latest event.
    last: u64,
}

impl Past {
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Numbers an event and remembers it.
    pub(crate) fn add(&mut self, event: Event) -> Arc<Record> {
        self.last += 1;
        let record = Arc::new(Record::new(self.last, event));
        self.bytes += record.size;
        self.records.push_back(record.clone());
        while self.bytes > MOST_BYTES && self.records.len() > 1 {
            if let Some(oldest) = self.records.pop_front() {
                self.bytes -= oldest.size;
            }
        }
        record
    }

    /// Forgets all but the number: nobody is told what happens from now on, and it is not numbered.
    pub(crate) fn forget(&mut self) {
        // A gap, so that nobody goes on behind what was not told.
        *self = Past { last: self.last + 1, ..Past::default() };
    }

    /// All that are remembered.
    pub(crate) fn all(&self) -> Vec<Arc<Record>> {
        self.records.iter().cloned().collect()
    }

    /// What came after an event; none if that is not known, or if there was no such event.
    pub(crate) fn after(&self, number: u64) -> Option<Vec<Arc<Record>>> {
        let first = self.records.front().map_or(self.last + 1, |record| record.number);
        if number > self.last || number + 1 < first {
            return None;
        }
        let later = self.records.iter().filter(|record| record.number > number);
        Some(later.cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meseta_api::v1::master::event::AgentRemoved;

    fn event(id: &str) -> Event {
        Event {
            r#type: Some(Type::AgentRemoved.into()),
            agent_removed: Some(AgentRemoved { agent_id: id.into() }),
            ..Default::default()
        }
    }

    #[test]
    fn evt_04_a_number_is_where_clients_of_the_reference_do_not_look() {
        let record = Record::new(300, event("a"));
        let json = record.framed(Codec::Json);
        let text = r#"{"type":"AGENT_REMOVED","agent_removed":{"agent_id":{"value":"a"}},"meseta_sequence":300}"#;
        assert_eq!(json, format!("{}\n{text}", text.len()));
        let protobuf = record.framed(Codec::Protobuf);
        let newline = protobuf.iter().position(|byte| *byte == b'\n').unwrap();
        for (codec, body) in
            [(Codec::Json, text.as_bytes()), (Codec::Protobuf, &protobuf[newline + 1..])]
        {
            assert_eq!(codec.decode::<Event>(body).unwrap(), event("a"));
        }
        assert!(protobuf.ends_with(&[0xc8, 0x3e, 0xac, 0x02]), "field 1001, varint 300");
    }

    #[test]
    fn evt_04_a_stream_goes_on_behind_what_is_remembered() {
        let mut past = Past::default();
        let numbers = |past: &Past, after: u64| {
            past.after(after).map(|all| all.iter().map(|record| record.number).collect::<Vec<_>>())
        };
        assert_eq!(numbers(&past, 0), Some(vec![]));
        assert_eq!(numbers(&past, 1), None, "it was never told");
        for _ in 0..3 {
            past.add(event("a"));
        }
        assert_eq!(numbers(&past, 1), Some(vec![2, 3]));
        assert_eq!(numbers(&past, 3), Some(vec![]));
        let long = "x".repeat(MOST_BYTES / 2);
        past.add(event(&long));
        past.add(event(&long));
        assert_eq!(numbers(&past, 3), None, "it is forgotten");
        assert_eq!(numbers(&past, 4), Some(vec![5]));
        past.forget();
        assert_eq!(numbers(&past, 5), None, "what came meanwhile was not told");
        past.add(event("b"));
        assert_eq!(numbers(&past, past.last()), Some(vec![]));
    }

    #[test]
    fn the_last_record_says_why_there_is_no_more() {
        let json = farewell(Codec::Json, "a \"reason\"");
        let text = r#"{"type":"UNKNOWN","meseta_ended":"a \"reason\""}"#;
        assert_eq!(json, format!("{}\n{text}", text.len()));
        let protobuf = farewell(Codec::Protobuf, "why");
        let newline = protobuf.iter().position(|byte| *byte == b'\n').unwrap();
        assert!(protobuf.ends_with(b"\xd2\x3e\x03why"), "field 1002, three bytes");
        for (codec, body) in
            [(Codec::Json, text.as_bytes()), (Codec::Protobuf, &protobuf[newline + 1..])]
        {
            assert_eq!(codec.decode::<Event>(body).unwrap().r#type(), Type::Unknown);
        }
    }
}
