//! The names that serde knows a type and its variants by, read without a value or without copying
//! one: a probing deserializer that stops at the first question, and a probing serializer.

use serde::de::{self, Deserializer, Visitor};
use serde::ser::{self, Impossible, Serializer};
use serde::{de::DeserializeOwned, Serialize};
use std::fmt;

/// A wire type as frames name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WireType {
    /// Serde's name of the type.
    pub(crate) name: &'static str,
    /// The variants this version knows; empty for what is no enum.
    pub(crate) variants: &'static [&'static str],
}

impl WireType {
    /// A variant as this version spells it, if it knows it; the type's own name of what is no enum.
    pub(crate) fn spelled(&self, variant: &str) -> Option<&'static str> {
        match self.variants {
            [] => Some(self.name),
            known => known.iter().find(|name| **name == variant).copied(),
        }
    }
}

/// The name and variants of `W`; a type without a serde name is called `value`.
pub(crate) fn wire_type<W: DeserializeOwned>() -> WireType {
    match W::deserialize(Probe) {
        Err(Found(found)) => found,
        Ok(_) => WireType { name: "value", variants: &[] },
    }
}

/// The variant of `message`; empty for what is no enum.
pub fn variant_of<W: Serialize>(message: &W) -> &'static str {
    match message.serialize(VariantProbe) {
        Err(Variant(name)) => name,
        Ok(()) => "",
    }
}

struct Probe;

#[derive(Debug)]
struct Found(WireType);

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Found {}

impl de::Error for Found {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Found(WireType { name: "value", variants: &[] })
    }
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Found;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Found> {
        Err(Found(WireType { name: "value", variants: &[] }))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Found> {
        Err(Found(WireType { name, variants: &[] }))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: V,
    ) -> Result<V::Value, Found> {
        Err(Found(WireType { name, variants: &[] }))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: V,
    ) -> Result<V::Value, Found> {
        Err(Found(WireType { name, variants: &[] }))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value, Found> {
        Err(Found(WireType { name, variants: &[] }))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Found> {
        Err(Found(WireType { name, variants }))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit seq tuple map identifier ignored_any
    }
}

struct VariantProbe;

#[derive(Debug)]
struct Variant(&'static str);

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Variant {}

impl ser::Error for Variant {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Variant("")
    }
}

macro_rules! no_variant {
    ($($method:ident($($ty:ty),*);)*) => {
        $(fn $method(self, $(_: $ty),*) -> Result<(), Variant> { Err(Variant("")) })*
    };
}

impl Serializer for VariantProbe {
    type Ok = ();
    type Error = Variant;
    type SerializeSeq = Impossible<(), Variant>;
    type SerializeTuple = Impossible<(), Variant>;
    type SerializeTupleStruct = Impossible<(), Variant>;
    type SerializeTupleVariant = Impossible<(), Variant>;
    type SerializeMap = Impossible<(), Variant>;
    type SerializeStruct = Impossible<(), Variant>;
    type SerializeStructVariant = Impossible<(), Variant>;

    no_variant! {
        serialize_bool(bool); serialize_i8(i8); serialize_i16(i16); serialize_i32(i32);
        serialize_i64(i64); serialize_u8(u8); serialize_u16(u16); serialize_u32(u32);
        serialize_u64(u64); serialize_f32(f32); serialize_f64(f64); serialize_char(char);
        serialize_str(&str); serialize_bytes(&[u8]); serialize_none(); serialize_unit();
        serialize_unit_struct(&'static str);
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Variant> {
        Err(Variant(""))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<(), Variant> {
        Err(Variant(""))
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Variant> {
        Err(Variant(variant))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: &T,
    ) -> Result<(), Variant> {
        Err(Variant(variant))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Variant> {
        Err(Variant(variant))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Variant> {
        Err(Variant(variant))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Variant> {
        Err(Variant(""))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Variant> {
        Err(Variant(""))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Variant> {
        Err(Variant(""))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Variant> {
        Err(Variant(""))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Variant> {
        Err(Variant(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Serialize, Deserialize)]
    #[serde(rename = "test.FromPeer")]
    enum FromPeer {
        Ping,
        Say { words: String },
        Number(u64),
    }

    #[test]
    fn names_come_from_serde() {
        let found = wire_type::<FromPeer>();
        assert_eq!(found, WireType { name: "test.FromPeer", variants: &["Ping", "Say", "Number"] });
        assert_eq!(variant_of(&FromPeer::Ping), "Ping");
        assert_eq!(variant_of(&FromPeer::Say { words: "hi".into() }), "Say");
        assert_eq!(variant_of(&FromPeer::Number(1)), "Number");
        assert_eq!(wire_type::<u64>().name, "value");
        assert_eq!(variant_of(&7u64), "");
    }
}
