//! The framing of protobuf, field by field.

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const DELIMITED: u8 = 2;
const GROUP_START: u8 = 3;
const GROUP_END: u8 = 4;
const FIXED32: u8 = 5;

/// The fields at one level of a message.
pub(crate) struct Reader<'a>(&'a [u8]);

pub(crate) struct Value<'a> {
    pub(crate) number: u32,
    pub(crate) content: Content<'a>,
}

#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    Varint(u64),
    Delimited(&'a [u8]),
    Fixed,
    GroupStart,
    GroupEnd,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// What is still to be read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// The next field; `None` at the end and where the bytes are not protobuf.
    pub(crate) fn next(&mut self) -> Option<Value<'a>> {
        let key = u32::try_from(self.varint()?).ok()?;
        let number = key >> 3;
        if number == 0 {
            return None;
        }
        let content = match (key & 7) as u8 {
            VARINT => Content::Varint(self.varint()?),
            FIXED64 => self.take(8).map(|_| Content::Fixed)?,
            FIXED32 => self.take(4).map(|_| Content::Fixed)?,
            DELIMITED => {
                let length = self.varint()?;
                Content::Delimited(self.take(length)?)
            }
            GROUP_START => Content::GroupStart,
            GROUP_END => Content::GroupEnd,
            _ => return None,
        };
        Some(Value { number, content })
    }

    /// At most ten bytes of seven bits, of which the tenth may hold one.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for position in 0..10 {
            let byte = *self.0.first()?;
            self.0 = &self.0[1..];
            if position == 9 && byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let length = usize::try_from(length).ok()?;
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

/// Writes a field with a length.
pub(crate) fn put_delimited(number: u32, content: &[u8], out: &mut Vec<u8>) {
    put_varint(u64::from(number << 3 | u32::from(DELIMITED)), out);
    put_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
