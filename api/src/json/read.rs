//! Reads the named form: one visitor per shape of field, whatever the message.
//!
//! Every value is read into the place where it stays. A visitor that returned messages would
//! hold several kilobytes per level on the stack, more than a hundred levels have.

use std::borrow::BorrowMut;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::context::Context;
use super::kind::{Kind, Nested};
use super::number::Number;
use crate::message::{MessageTable, V1Message};

/// Reads a message from any self-describing format, for its `Deserialize`.
///
/// # Errors
/// Names the path of what is wrong where it is not the whole message.
pub(crate) fn message<'de, M: V1Message, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<M, D::Error> {
    let context = Context::default();
    let result = message_in(deserializer, &context);
    result.map_err(|error| match context.into_failure() {
        (path, _) if path.is_empty() => error,
        (path, _) => D::Error::custom(format_args!("{path}: {error}")),
    })
}

/// Reads a message; where that fails, the context knows the path.
pub(crate) fn message_in<'de, M: V1Message, D: Deserializer<'de>>(
    deserializer: D,
    context: &Context,
) -> Result<M, D::Error> {
    let mut message = M::default();
    if (One::<Nested<M>> { context, into: &mut message }).deserialize(deserializer)? {
        Ok(message)
    } else {
        Err(Nested::<M>::unexpected("null"))
    }
}

/// Reads a Rust enum by the name of its value.
pub(crate) fn enumeration<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    from_name: fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    struct Name<T>(fn(&str) -> Option<T>);

    impl<T> Visitor<'_> for Name<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the name of an enum's value")
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
            (self.0)(name).ok_or_else(|| E::custom("unknown name of an enum's value"))
        }
    }

    deserializer.deserialize_str(Name(from_name))
}

/// The fields of a message: known ones once each, required ones all, one of a oneof at most.
pub(crate) fn fields<'de, M: V1Message, A: MapAccess<'de>>(
    mut map: A,
    context: &Context,
    into: &mut M,
) -> Result<(), A::Error> {
    context.enter()?;
    let table = M::table();
    let (mut seen, mut present) = (0_u64, 0_u64);
    while let Some(index) = map.next_key_seed(FieldName(table))? {
        let Some(index) = index else {
            map.next_value::<IgnoredAny>()?;
            continue;
        };
        let field = &table.fields[index];
        let bit = 1 << index;
        let result = if seen & bit != 0 {
            Err(A::Error::custom("the field is there twice"))
        } else {
            into.read_field(index, &mut Input { map: &mut map, context })
        };
        let is_set = result.inspect_err(|_| context.failed_in_field(field.name))?;
        seen |= bit;
        if is_set {
            if field.oneof.is_some() && has_sibling(table, present, field.oneof) {
                context.failed_in_field(field.name);
                return Err(A::Error::custom("another of its alternatives is set too"));
            }
            present |= bit;
        }
    }
    if let Some(field) = table.first_missing(present) {
        context.failed_without(field.name);
        return Err(A::Error::custom("required field is missing"));
    }
    context.leave();
    Ok(())
}

fn has_sibling(table: &MessageTable, present: u64, oneof: Option<i32>) -> bool {
    let mut fields = table.fields.iter().enumerate();
    fields.any(|(index, field)| field.oneof == oneof && present & (1 << index) != 0)
}

/// The value of one field, still to be read, in whichever shape the field has.
#[doc(hidden)]
#[derive(Debug)]
pub struct Input<'a, A> {
    map: &'a mut A,
    context: &'a Context,
}

impl<'de, A: MapAccess<'de>> Input<'_, A> {
    /// Reads a required field; false where it is null or dropped.
    pub(crate) fn required<K: Kind>(&mut self, into: &mut K::Rust) -> Result<bool, A::Error> {
        self.map.next_value_seed(One::<K> { context: self.context, into })
    }

    /// Reads an optional field, boxed or not.
    pub(crate) fn optional<K: Kind, B: BorrowMut<K::Rust> + From<K::Rust>>(
        &mut self,
        into: &mut Option<B>,
    ) -> Result<bool, A::Error> {
        let place = into.insert(K::Rust::default().into());
        let is_set = self.required::<K>(place.borrow_mut())?;
        if !is_set {
            *into = None;
        }
        Ok(is_set)
    }

    /// Appends the values of a repeated field.
    pub(crate) fn many<K: Kind>(&mut self, into: &mut Vec<K::Rust>) -> Result<bool, A::Error> {
        self.map.next_value_seed(Many::<K> { context: self.context, into })?;
        Ok(true)
    }

    /// Inserts the entries of a map field.
    pub(crate) fn map<K: Kind>(
        &mut self,
        into: &mut BTreeMap<String, K::Rust>,
    ) -> Result<bool, A::Error> {
        self.map.next_value_seed(Entries::<K> { context: self.context, into })?;
        Ok(true)
    }
}

/// A key of a message: the index of the field, `None` where there is no such field.
struct FieldName(&'static MessageTable);

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.by_name(name))
    }
}

/// The visitor methods of a single value, each ending in `$store(self, Option<value>)`.
macro_rules! single_values {
    ($kind:ident, $store:expr) => {
        fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
            $kind::from_bool(value).map(|value| $store(self, value))
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
            $kind::from_number(Number::Signed(value)).map(|value| $store(self, value))
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
            $kind::from_number(Number::Unsigned(value)).map(|value| $store(self, value))
        }

        fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
            $kind::from_number(Number::Float(value)).map(|value| $store(self, value))
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
            $kind::from_str(value).map(|value| $store(self, value))
        }

        fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<Self::Value, E> {
            $kind::from_bytes(value).map(|value| $store(self, value))
        }
    };
}

/// A value that stands alone; whether it is set is the result.
struct One<'a, K: Kind> {
    context: &'a Context,
    into: &'a mut K::Rust,
}

impl<K: Kind> One<'_, K> {
    fn store(self, value: Option<K::Rust>) -> bool {
        let is_set = value.is_some();
        if let Some(value) = value {
            *self.into = value;
        }
        is_set
    }
}

impl<'de, K: Kind> DeserializeSeed<'de> for One<'_, K> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, K: Kind> Visitor<'de> for One<'_, K> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(K::EXPECTED)
    }

    single_values!(K, Self::store);

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _seq: A) -> Result<bool, A::Error> {
        Err(K::unexpected("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        K::from_map(map, self.context, self.into)?;
        Ok(true)
    }
}

/// An array of values, or a lone one.
struct Many<'a, K: Kind> {
    context: &'a Context,
    into: &'a mut Vec<K::Rust>,
}

impl<K: Kind> Many<'_, K> {
    fn store(self, value: Option<K::Rust>) {
        self.into.extend(value);
    }

    /// Makes a place at the end for `read` to fill, and takes it away if it stays empty.
    fn append<E>(&mut self, read: impl FnOnce(One<'_, K>) -> Result<bool, E>) -> Result<(), E> {
        let end = self.into.len();
        self.into.push(K::Rust::default());
        if !read(One { context: self.context, into: &mut self.into[end] })? {
            self.into.truncate(end);
        }
        Ok(())
    }
}

impl<'de, K: Kind> DeserializeSeed<'de> for Many<'_, K> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, K: Kind> Visitor<'de> for Many<'_, K> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array, or {}", K::EXPECTED)
    }

    single_values!(K, Self::store);

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    // Nothing is reserved ahead: the length is the sender's claim.
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        for index in 0.. {
            let element = seq.next_element_seed(Element(&mut self));
            if element.inspect_err(|_| self.context.failed_in_element(index))?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<(), A::Error> {
        self.append(|one| one.visit_map(map))
    }
}

/// An element of an array.
struct Element<'a, 'b, K: Kind>(&'a mut Many<'b, K>);

impl<'de, K: Kind> DeserializeSeed<'de> for Element<'_, '_, K> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.append(|one| one.deserialize(deserializer))
    }
}

/// A map with strings for keys; an entry without a value is no entry.
struct Entries<'a, K: Kind> {
    context: &'a Context,
    into: &'a mut BTreeMap<String, K::Rust>,
}

impl<'de, K: Kind> DeserializeSeed<'de> for Entries<'_, K> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, K: Kind> Visitor<'de> for Entries<'_, K> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let mut value = K::Rust::default();
            let is_set = map
                .next_value_seed(One::<K> { context: self.context, into: &mut value })
                .inspect_err(|_| self.context.failed_in_entry(&key))?;
            if !is_set {
                continue;
            }
            if self.into.contains_key(&key) {
                self.context.failed_in_entry(&key);
                return Err(A::Error::custom("the key is there twice"));
            }
            self.into.insert(key, value);
        }
        Ok(())
    }
}
