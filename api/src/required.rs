//! Presence of required fields in protobuf.
//!
//! prost reads an absent required field as its default, so it cannot be told from one that was
//! sent. This walks the bytes themselves by the descriptor tables, before prost does: once, in
//! linear time, without allocating unless something is wrong. It judges presence and the outer
//! framing only; values, UTF-8 and wire types are prost's to refuse.
//!
//! A map entry without a value stands for one of defaults only, so it is refused where such a
//! value has required fields. A singular message that comes in several pieces, which protobuf would merge and no encoder
//! writes, must be complete in each.

use crate::json::context::MAX_DEPTH;
use crate::message::{FieldKind, FieldTable, MessageTable};
use crate::path::Path;
use crate::wire::{Content, Reader};

/// Why a message is refused, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) path: Path,
    pub(crate) fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A required field is absent, or an enum there has a value of no name, which is the same.
    Missing,
    /// Not protobuf: cut short, or no such framing.
    Malformed,
    TooDeep,
}

/// Checks that every required field of `message`, described by `table`, and of all messages in
/// it is present.
pub(crate) fn check_required(message: &[u8], table: &'static MessageTable) -> Result<(), Refusal> {
    check(message, table, 0)
}

fn check(message: &[u8], table: &'static MessageTable, depth: u32) -> Result<(), Refusal> {
    if depth > MAX_DEPTH {
        return Err(refusal(Fault::TooDeep));
    }
    let mut reader = Reader::new(message);
    let mut present = 0_u64;
    let mut groups = 0_usize;
    while !reader.rest().is_empty() {
        let at = message.len() - reader.rest().len();
        let value = reader.next().ok_or_else(|| refusal(Fault::Malformed))?;
        match value.content {
            Content::GroupStart => groups += 1,
            Content::GroupEnd => {
                groups = groups.checked_sub(1).ok_or_else(|| refusal(Fault::Malformed))?;
            }
            // Groups are of no message we know.
            _ if groups > 0 => {}
            content => {
                let Some(index) = table.by_number(value.number) else {
                    continue;
                };
                let field = &table.fields[index];
                let bit = 1 << index;
                present |= bit;
                match (&field.kind, content) {
                    (FieldKind::Message(inner), Content::Delimited(bytes)) => {
                        check(bytes, inner, depth + 1)
                            .map_err(|refusal| locate(refusal, field, &message[..at]))?;
                    }
                    // Enums are 32 bits wide; what is above them is cut off, as by any decoder.
                    (FieldKind::Enum(is_valid), Content::Varint(number))
                        if !is_valid(number as i32) =>
                    {
                        present &= !bit;
                    }
                    _ => {}
                }
            }
        }
    }
    if groups > 0 {
        return Err(refusal(Fault::Malformed));
    }
    match table.first_missing(present) {
        None => Ok(()),
        Some(field) => {
            let mut path = Path::default();
            path.in_field(field.name);
            Err(Refusal { path, fault: Fault::Missing })
        }
    }
}

fn refusal(fault: Fault) -> Refusal {
    Refusal { path: Path::default(), fault }
}

/// Adds the field, and for a repeated one the index, which `before` it is counted from.
fn locate(mut refusal: Refusal, field: &FieldTable, before: &[u8]) -> Refusal {
    if field.label == crate::message::Label::Repeated {
        let mut reader = Reader::new(before);
        let mut index = 0;
        while let Some(value) = reader.next() {
            index += usize::from(value.number == field.number);
        }
        refusal.path.in_element(index);
    }
    refusal.path.in_field(field.name);
    refusal
}
