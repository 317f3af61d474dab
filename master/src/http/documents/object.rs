//! JSON objects of which some members are long.

use crate::reader::rope::Rope;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Writes an object: short members, and arrays of elements that are JSON already.
pub(super) fn object(short: &Map<String, Value>, arrays: Vec<(&str, Rope)>) -> Rope {
    let mut arrays: BTreeMap<&str, Rope> = arrays.into_iter().collect();
    let mut names: Vec<&str> =
        short.keys().map(String::as_str).chain(arrays.keys().copied()).collect();
    names.sort_unstable();
    let mut out = Rope::default();
    for name in names {
        out.write(if out.is_empty() { b"{" } else { b"," });
        out.write(Value::from(name).to_string().as_bytes());
        out.write(b":");
        match arrays.remove(name) {
            Some(elements) => out.append(array(elements)),
            None => out.write(short[name].to_string().as_bytes()),
        }
    }
    out.write(if out.is_empty() { b"{}" } else { b"}" });
    out
}

fn array(elements: Rope) -> Rope {
    let mut out = Rope::default();
    out.write(b"[");
    out.append(elements);
    out.write(b"]");
    out
}

/// Elements of an array.
pub(super) fn elements(values: impl Iterator<Item = Rope>) -> Rope {
    let mut out = Rope::default();
    for value in values {
        if !out.is_empty() {
            out.write(b",");
        }
        out.append(value);
    }
    out
}
