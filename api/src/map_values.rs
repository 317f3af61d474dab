//! Values of maps that prost leaves out.
//!
//! prost writes no value into a map entry where it equals its type's default. For a message with
//! required fields, as the `Value.Scalar` of a limit of 0, that is a message without them, which
//! every other implementation refuses. This puts those values back.

use crate::message::{FieldKind, MessageTable};
use crate::required::{check_required, Fault};
use crate::wire::{put_delimited, Content, Reader};

/// The number of the value in every map entry.
const VALUE: u32 = 2;

/// What `message`, written by prost, has to be on the wire. Copies only if something is missing.
pub(crate) fn completed(message: Vec<u8>, table: &'static MessageTable) -> Vec<u8> {
    match check_required(&message, table) {
        Err(refusal) if refusal.fault == Fault::Missing => {
            let mut out = Vec::with_capacity(message.len() + 64);
            complete(&message, table, &mut out);
            out
        }
        _ => message,
    }
}

fn complete(message: &[u8], table: &'static MessageTable, out: &mut Vec<u8>) {
    let mut reader = Reader::new(message);
    let mut has_value = false;
    loop {
        let start = reader.rest();
        let Some(field) = reader.next() else { break };
        has_value |= field.number == VALUE;
        let kind = table.by_number(field.number).map(|index| &table.fields[index].kind);
        match (kind, field.content) {
            (Some(FieldKind::Message(inner)), Content::Delimited(content)) => {
                let mut completed = Vec::with_capacity(content.len());
                complete(content, inner, &mut completed);
                put_delimited(field.number, &completed, out);
            }
            _ => out.extend_from_slice(&start[..start.len() - reader.rest().len()]),
        }
    }
    if let (Some(default_value), false) = (table.default_value, has_value) {
        put_delimited(VALUE, &default_value(), out);
    }
}
