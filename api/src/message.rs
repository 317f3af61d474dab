//! What every v1 message and enum can do, and the tables that describe them.
//!
//! The build script implements both traits for every message and enum; nothing else may. The
//! tables are the descriptors that remain at run time: `required` walks protobuf by
//! them, [`crate::json`] finds fields by name in them.

use std::fmt::Debug;

use serde::de::{DeserializeOwned, MapAccess};
use serde::Serialize;

use crate::codec::DecodeError;
use crate::json::{FieldSink, Input};

/// A message of the v1 API.
///
/// Implemented by every message of [`crate::v1`] and by nothing else.
pub trait V1Message:
    prost::Message + Default + Clone + PartialEq + Debug + Serialize + DeserializeOwned + 'static
{
    /// The descriptor of the message.
    #[doc(hidden)]
    fn table() -> &'static MessageTable;

    /// Reads the value of the field at `index` of the table; false where it was unset.
    #[doc(hidden)]
    fn read_field<'de, A: MapAccess<'de>>(
        &mut self,
        index: usize,
        input: &mut Input<'_, A>,
    ) -> Result<bool, A::Error>;

    /// Writes the fields that are to be seen, in the order of their declaration.
    #[doc(hidden)]
    fn write_fields<W: FieldSink>(&self, out: &mut W) -> Result<(), W::Error>;

    /// [`Codec::Json`]'s reading. Not generic, so that it is compiled once, in this crate, and
    /// not again in each that reads the message.
    ///
    /// [`Codec::Json`]: crate::codec::Codec::Json
    #[doc(hidden)]
    fn from_json(bytes: &[u8]) -> Result<Self, DecodeError>;

    /// [`Codec::Json`]'s writing, compiled here for the same reason.
    ///
    /// [`Codec::Json`]: crate::codec::Codec::Json
    #[doc(hidden)]
    fn to_json(&self) -> Vec<u8>;
}

/// An enum of the v1 API. In named encodings its values are their names.
pub trait V1Enum: Sized {
    /// The protobuf name, as `mesos.v1.TaskState`.
    const NAME: &'static str;

    /// The name of a value, `None` where the number is of no value.
    fn name_of(number: i32) -> Option<&'static str>;

    /// The number of the value of this name.
    fn number_of(name: &str) -> Option<i32>;
}

/// The descriptor of a message.
#[doc(hidden)]
#[derive(Debug)]
pub struct MessageTable {
    /// The protobuf name, as `mesos.v1.TaskInfo`.
    pub name: &'static str,
    /// By ascending number; at most 64.
    pub fields: &'static [FieldTable],
    /// Of a map entry whose value has required fields: the bytes of a value of defaults.
    pub default_value: Option<fn() -> Vec<u8>>,
}

/// The descriptor of a field.
#[doc(hidden)]
#[derive(Debug)]
pub struct FieldTable {
    pub name: &'static str,
    pub number: u32,
    pub label: Label,
    pub kind: FieldKind,
    /// Which oneof of the message it is a member of.
    pub oneof: Option<i32>,
}

#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    Required,
    Optional,
    Repeated,
}

#[doc(hidden)]
#[derive(Debug)]
pub enum FieldKind {
    Scalar,
    /// With the test whether a number is of a value.
    Enum(fn(i32) -> bool),
    Message(&'static MessageTable),
}

impl MessageTable {
    /// The index of the field of this name.
    pub(crate) fn by_name(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The index of the field of this number.
    pub(crate) fn by_number(&self, number: u32) -> Option<usize> {
        self.fields.binary_search_by_key(&number, |field| field.number).ok()
    }

    /// The first required field that is not in `present`, a set of indexes.
    pub(crate) fn first_missing(&self, present: u64) -> Option<&'static FieldTable> {
        self.fields
            .iter()
            .enumerate()
            .find(|(index, field)| field.label == Label::Required && present & (1 << index) == 0)
            .map(|(_, field)| field)
    }
}

/// The serde impls of a message.
macro_rules! v1_message {
    ($message:ty) => {
        impl serde::Serialize for $message {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                crate::json::write::message(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $message {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::json::read::message(deserializer)
            }
        }
    };
}
pub(crate) use v1_message;

/// [`V1Enum`] and the serde impls of an enum.
macro_rules! v1_enum {
    ($item:ty, $name:literal) => {
        impl crate::message::V1Enum for $item {
            const NAME: &'static str = $name;

            fn name_of(number: i32) -> Option<&'static str> {
                Self::try_from(number).ok().map(|value| value.as_str_name())
            }

            fn number_of(name: &str) -> Option<i32> {
                Self::from_str_name(name).map(|value| value as i32)
            }
        }

        impl serde::Serialize for $item {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str_name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $item {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::json::read::enumeration(deserializer, Self::from_str_name)
            }
        }
    };
}
pub(crate) use v1_enum;
