//! Writes the named form: one function per shape of field, whatever the message.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::convert::Infallible;

use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, SerializeStruct, Serializer};

use super::kind::Kind;
use crate::message::V1Message;

/// Writes a message, for its `Serialize`.
pub(crate) fn message<M: V1Message, S: Serializer>(
    message: &M,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    // Unset and default are the same to people, not to a program that reads the message back.
    let prints_defaults = serializer.is_human_readable();
    // MessagePack wants the number of fields first.
    let mut count = Count { fields: 0, prints_defaults };
    let Ok(()) = message.write_fields(&mut count);
    let fields = serializer.serialize_struct(M::table().name, count.fields)?;
    let mut fields = Fields { fields, prints_defaults };
    message.write_fields(&mut fields)?;
    fields.fields.end()
}

/// Where the fields of a message go.
#[doc(hidden)]
pub trait FieldSink {
    type Error;

    /// Takes one field that is to be seen.
    fn field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Self::Error>;

    /// Whether an unset field with an explicit default is to be seen.
    fn prints_defaults(&self) -> bool;
}

struct Count {
    fields: usize,
    prints_defaults: bool,
}

impl FieldSink for Count {
    type Error = Infallible;

    fn field<T: Serialize + ?Sized>(&mut self, _: &'static str, _: &T) -> Result<(), Infallible> {
        self.fields += 1;
        Ok(())
    }

    fn prints_defaults(&self) -> bool {
        self.prints_defaults
    }
}

struct Fields<S> {
    fields: S,
    prints_defaults: bool,
}

impl<S: SerializeStruct> FieldSink for Fields<S> {
    type Error = S::Error;

    fn field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), S::Error> {
        self.fields.serialize_field(name, value)
    }

    fn prints_defaults(&self) -> bool {
        self.prints_defaults
    }
}

/// A required field.
pub(crate) fn required<K: Kind, W: FieldSink, B: Borrow<K::Rust>>(
    out: &mut W,
    name: &'static str,
    value: &B,
) -> Result<(), W::Error> {
    out.field(name, &One::<K>(value.borrow()))
}

/// An optional field without a default, or the member of a oneof that is set.
pub(crate) fn optional<K: Kind, W: FieldSink, B: Borrow<K::Rust>>(
    out: &mut W,
    name: &'static str,
    value: Option<&B>,
) -> Result<(), W::Error> {
    match value.map(Borrow::borrow) {
        Some(value) if K::is_writable(value) => out.field(name, &One::<K>(value)),
        _ => Ok(()),
    }
}

/// An optional field with a default, which `value` falls back to.
pub(crate) fn defaulted<K: Kind, W: FieldSink>(
    out: &mut W,
    name: &'static str,
    is_set: bool,
    value: impl FnOnce() -> K::Rust,
) -> Result<(), W::Error> {
    if is_set || out.prints_defaults() {
        out.field(name, &One::<K>(&value()))
    } else {
        Ok(())
    }
}

/// A repeated field.
pub(crate) fn many<K: Kind, W: FieldSink>(
    out: &mut W,
    name: &'static str,
    values: &[K::Rust],
) -> Result<(), W::Error> {
    if values.is_empty() {
        return Ok(());
    }
    out.field(name, &Many::<K>(values))
}

/// A repeated field that people are shown even where it is empty.
pub(crate) fn many_or_none<K: Kind, W: FieldSink>(
    out: &mut W,
    name: &'static str,
    values: &[K::Rust],
) -> Result<(), W::Error> {
    if values.is_empty() && !out.prints_defaults() {
        return Ok(());
    }
    out.field(name, &Many::<K>(values))
}

/// A map field.
pub(crate) fn map<K: Kind, W: FieldSink>(
    out: &mut W,
    name: &'static str,
    values: &BTreeMap<String, K::Rust>,
) -> Result<(), W::Error> {
    if values.is_empty() {
        return Ok(());
    }
    out.field(name, &Entries::<K>(values))
}

struct One<'a, K: Kind>(&'a K::Rust);

impl<K: Kind> Serialize for One<'_, K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        K::write(self.0, serializer)
    }
}

struct Many<'a, K: Kind>(&'a [K::Rust]);

impl<K: Kind> Serialize for Many<'_, K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let writable = || self.0.iter().filter(|value| K::is_writable(value));
        let mut seq = serializer.serialize_seq(Some(writable().count()))?;
        for value in writable() {
            seq.serialize_element(&One::<K>(value))?;
        }
        seq.end()
    }
}

struct Entries<'a, K: Kind>(&'a BTreeMap<String, K::Rust>);

impl<K: Kind> Serialize for Entries<'_, K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            map.serialize_entry(key, &One::<K>(value))?;
        }
        map.end()
    }
}
