//! The kinds of value that a field can hold, each with its leniency.

use std::marker::PhantomData;

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use bytes::Bytes;
use serde::de::{Error, MapAccess};
use serde::ser::Serializer;

use super::context::Context;
use super::number::Number;
use super::read;
use crate::message::{V1Enum, V1Message};

/// One value, of a singular field or in an array or map.
///
/// Each function takes one type of the format; those that a kind does not accept are refused.
/// `Ok(None)` is a value to be dropped.
pub(crate) trait Kind {
    /// What holds the value in Rust.
    type Rust: Default;

    /// What is expected, for errors.
    const EXPECTED: &'static str;

    fn from_bool<E: Error>(_value: bool) -> Result<Option<Self::Rust>, E> {
        Err(Self::unexpected("a boolean"))
    }

    fn from_number<E: Error>(_value: Number) -> Result<Option<Self::Rust>, E> {
        Err(Self::unexpected("a number"))
    }

    fn from_str<E: Error>(_value: &str) -> Result<Option<Self::Rust>, E> {
        Err(Self::unexpected("a string"))
    }

    fn from_bytes<E: Error>(_value: &[u8]) -> Result<Option<Self::Rust>, E> {
        Err(Self::unexpected("bytes"))
    }

    /// Takes an object, reading in place: messages are large, and nest.
    fn from_map<'de, A: MapAccess<'de>>(
        _map: A,
        _context: &Context,
        _into: &mut Self::Rust,
    ) -> Result<(), A::Error> {
        Err(Self::unexpected("an object"))
    }

    /// The refusal of a value; values themselves come from outside and are not repeated.
    fn unexpected<E: Error>(found: &str) -> E {
        E::custom(format_args!("expected {}, found {found}", Self::EXPECTED))
    }

    /// Whether there is a way to write the value.
    fn is_writable(_value: &Self::Rust) -> bool {
        true
    }

    fn write<S: Serializer>(value: &Self::Rust, serializer: S) -> Result<S::Ok, S::Error>;
}

macro_rules! integer {
    ($kind:ident, $rust:ty, $expected:literal, $write:ident) => {
        #[derive(Debug)]
        pub(crate) struct $kind;

        impl Kind for $kind {
            type Rust = $rust;
            const EXPECTED: &'static str = $expected;

            fn from_number<E: Error>(value: Number) -> Result<Option<$rust>, E> {
                match value.integer() {
                    Some(value) => Ok(Some(value)),
                    None => Err(Self::unexpected("another number")),
                }
            }

            fn from_str<E: Error>(value: &str) -> Result<Option<$rust>, E> {
                match Number::parse(value) {
                    Some(number) => Self::from_number(number),
                    None => Err(Self::unexpected("a string that is no number")),
                }
            }

            fn write<S: Serializer>(value: &$rust, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.$write(*value)
            }
        }
    };
}

integer!(Int32, i32, "a signed 32-bit integer", serialize_i32);
integer!(Int64, i64, "a signed 64-bit integer", serialize_i64);
integer!(Uint32, u32, "an unsigned 32-bit integer", serialize_u32);
integer!(Uint64, u64, "an unsigned 64-bit integer", serialize_u64);

#[derive(Debug)]
pub(crate) struct Double;

impl Kind for Double {
    type Rust = f64;
    const EXPECTED: &'static str = "a number";

    fn from_number<E: Error>(value: Number) -> Result<Option<f64>, E> {
        Ok(Some(value.double()))
    }

    fn from_str<E: Error>(value: &str) -> Result<Option<f64>, E> {
        match value {
            "Infinity" => Ok(Some(f64::INFINITY)),
            "-Infinity" => Ok(Some(f64::NEG_INFINITY)),
            _ => match Number::parse(value) {
                Some(number) => Self::from_number(number),
                None => Err(Self::unexpected("a string that is no number")),
            },
        }
    }

    fn write<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() || !serializer.is_human_readable() {
            return serializer.serialize_f64(*value);
        }
        serializer.serialize_str(if value.is_nan() {
            "NaN"
        } else if *value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        })
    }
}

#[derive(Debug)]
pub(crate) struct Bool;

impl Kind for Bool {
    type Rust = bool;
    const EXPECTED: &'static str = "a boolean";

    fn from_bool<E: Error>(value: bool) -> Result<Option<bool>, E> {
        Ok(Some(value))
    }

    fn from_str<E: Error>(value: &str) -> Result<Option<bool>, E> {
        match value {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(Self::unexpected("a string that is no boolean")),
        }
    }

    fn write<S: Serializer>(value: &bool, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*value)
    }
}

/// `string` of protobuf.
#[derive(Debug)]
pub(crate) struct Text;

impl Kind for Text {
    type Rust = String;
    const EXPECTED: &'static str = "a string";

    fn from_str<E: Error>(value: &str) -> Result<Option<String>, E> {
        Ok(Some(value.to_owned()))
    }

    fn write<S: Serializer>(value: &String, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value)
    }
}

/// `bytes` of protobuf: base64 for people, raw for machines.
#[derive(Debug)]
pub(crate) struct Binary;

impl Kind for Binary {
    type Rust = Bytes;
    const EXPECTED: &'static str = "bytes in base64";

    fn from_str<E: Error>(value: &str) -> Result<Option<Bytes>, E> {
        match STANDARD.decode(value) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(_) => Err(Self::unexpected("another string")),
        }
    }

    fn from_bytes<E: Error>(value: &[u8]) -> Result<Option<Bytes>, E> {
        Ok(Some(Bytes::copy_from_slice(value)))
    }

    fn write<S: Serializer>(value: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&STANDARD.encode(value))
        } else {
            serializer.serialize_bytes(value)
        }
    }
}

/// An enum, by name. The number of a value that this version does not know, which only protobuf
/// can bring, has no name: it is left out, like any field that is unknown.
#[derive(Debug)]
pub(crate) struct Enum<E>(PhantomData<E>);

impl<T: V1Enum> Kind for Enum<T> {
    type Rust = i32;
    const EXPECTED: &'static str = "the name of an enum's value";

    fn from_str<E: Error>(value: &str) -> Result<Option<i32>, E> {
        Ok(T::number_of(value))
    }

    fn is_writable(value: &i32) -> bool {
        T::name_of(*value).is_some()
    }

    fn write<S: Serializer>(value: &i32, serializer: S) -> Result<S::Ok, S::Error> {
        match T::name_of(*value) {
            Some(name) => serializer.serialize_str(name),
            // Reached only in a required field that our own code filled wrongly; readers refuse
            // a number.
            None => serializer.serialize_i32(*value),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Nested<M>(PhantomData<M>);

impl<M: V1Message> Kind for Nested<M> {
    type Rust = M;
    const EXPECTED: &'static str = "an object";

    fn from_map<'de, A: MapAccess<'de>>(
        map: A,
        context: &Context,
        into: &mut M,
    ) -> Result<(), A::Error> {
        read::fields(map, context, into)
    }

    fn write<S: Serializer>(value: &M, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }
}
