//! v1 messages put together of parts that are encoded already, in either codec.

use super::rope::Rope;
use bytes::Bytes;
use meseta_api::codec::Codec;
use meseta_api::message::V1Message;

/// Appends one value of a repeated field of this number. Values that are appended to each other
/// are values of one field; in JSON what separates fields and arrays is [`Message`]'s.
pub(super) fn item<T: V1Message>(codec: Codec, number: u8, value: &T, out: &mut Vec<u8>) {
    let encoded = codec.encode(value);
    match codec {
        Codec::Json if out.is_empty() => {}
        Codec::Json => out.push(b','),
        Codec::Protobuf => key(number, encoded.len(), out),
    }
    out.extend_from_slice(&encoded);
}

/// The head of a field that is a message.
fn key(number: u8, length: usize, out: &mut Vec<u8>) {
    // Wire type 2: bytes of a stated length.
    varint(u64::from(number) << 3 | 2, out);
    varint(length as u64, out);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 127 {
        out.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Values of a repeated field, in parts.
pub(super) struct Items {
    codec: Codec,
    rope: Rope,
}

impl Items {
    pub(super) fn new(codec: Codec) -> Self {
        Items { codec, rope: Rope::default() }
    }

    /// Adds what [`item`] has written.
    pub(super) fn add(&mut self, encoded: Bytes) {
        match self.codec {
            Codec::Json => self.rope.element(encoded),
            Codec::Protobuf => self.rope.push(encoded),
        }
    }
}

/// A message whose fields are added in the order in which its codec wants them.
pub(super) struct Message {
    codec: Codec,
    /// In JSON without the braces.
    rope: Rope,
}

impl Message {
    pub(super) fn new(codec: Codec) -> Self {
        Message { codec, rope: Rope::default() }
    }

    fn name(&mut self, name: &str) {
        if !self.rope.is_empty() {
            self.rope.write(b",");
        }
        self.rope.write(b"\"");
        self.rope.write(name.as_bytes());
        self.rope.write(b"\":");
    }

    /// An enum field; its number and the value's.
    pub(super) fn variant(&mut self, name: &str, number: u8, value: &str, value_number: i32) {
        match self.codec {
            Codec::Json => {
                self.name(name);
                self.rope.write(format!("\"{value}\"").as_bytes());
            }
            Codec::Protobuf => {
                let mut out = Vec::new();
                varint(u64::from(number) << 3, &mut out);
                varint(u64::try_from(value_number).unwrap_or(0), &mut out);
                self.rope.write(&out);
            }
        }
    }

    /// A field that is a double.
    pub(super) fn double(&mut self, name: &str, number: u8, value: f64) {
        match self.codec {
            Codec::Json => {
                self.name(name);
                self.rope.write(serde_json::Value::from(value).to_string().as_bytes());
            }
            Codec::Protobuf => {
                let mut out = Vec::new();
                // Wire type 1: eight bytes.
                varint(u64::from(number) << 3 | 1, &mut out);
                self.rope.write(&out);
                self.rope.write(&value.to_le_bytes());
            }
        }
    }

    /// A repeated field, whose number its items know.
    pub(super) fn list(&mut self, name: &str, items: Items) {
        match self.codec {
            Codec::Json => {
                self.name(name);
                self.rope.write(b"[");
                self.rope.append(items.rope);
                self.rope.write(b"]");
            }
            Codec::Protobuf => self.rope.append(items.rope),
        }
    }

    /// A field that is a message.
    pub(super) fn message(&mut self, name: &str, number: u8, value: Message) {
        match self.codec {
            Codec::Json => {
                self.name(name);
                self.rope.append(value.finish());
            }
            Codec::Protobuf => {
                let mut out = Vec::new();
                key(number, value.rope.len(), &mut out);
                self.rope.write(&out);
                self.rope.append(value.rope);
            }
        }
    }

    /// The whole message.
    pub(super) fn finish(self) -> Rope {
        match self.codec {
            Codec::Json => {
                let mut whole = Rope::default();
                whole.write(b"{");
                whole.append(self.rope);
                whole.write(b"}");
                whole
            }
            Codec::Protobuf => self.rope,
        }
    }
}
