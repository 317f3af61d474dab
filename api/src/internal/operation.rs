//! Offer operations between masters and agents: which, and what became of one.

use crate::ids::FrameworkId;
use crate::v1;
use serde::{de, Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Names one operation, for ever. The master that sends it makes it of its term and a counter.
///
/// Printed and serialized as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationUuid([u8; 16]);

impl OperationUuid {
    /// Of these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        OperationUuid(bytes)
    }

    /// As the wire has it.
    pub fn to_v1(self) -> v1::Uuid {
        v1::Uuid { value: self.0.to_vec().into() }
    }

    /// Of what the wire has; none if that has not 16 bytes.
    pub fn from_v1(uuid: &v1::Uuid) -> Option<Self> {
        uuid.value.as_ref().try_into().ok().map(OperationUuid)
    }
}

impl fmt::Display for OperationUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for OperationUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperationUuid({self})")
    }
}

/// A text is not the name of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 lower-case hexadecimal digits")]
pub struct ParseOperationUuidError;

impl FromStr for OperationUuid {
    type Err = ParseOperationUuidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let well_formed =
            text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match u128::from_str_radix(text, 16) {
            Ok(number) if well_formed => Ok(OperationUuid(number.to_be_bytes())),
            _ => Err(ParseOperationUuidError),
        }
    }
}

impl Serialize for OperationUuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OperationUuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What became of an operation, on its way from an agent to the framework that asked for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationUpdate {
    /// Which.
    pub operation: OperationUuid,
    /// Who asked for it; none if an operator did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework_id: Option<FrameworkId>,
    /// The status; `agent_id` is always set, `operation_id` if the framework named the operation,
    /// and `uuid`, which is what is acknowledged, unless the status is not repeated.
    pub status: v1::OperationStatus,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_has_one_name_everywhere() {
        let name =
            OperationUuid::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(name.to_string(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(name.to_string().parse(), Ok(name));
        assert_eq!(OperationUuid::from_v1(&name.to_v1()), Some(name));
        assert_eq!(OperationUuid::from_v1(&v1::Uuid { value: vec![1].into() }), None);
        for bad in
            ["", "00", "000102030405060708090a0b0c0d0eFF", "+00102030405060708090a0b0c0d0eff"]
        {
            assert_eq!(bad.parse::<OperationUuid>(), Err(ParseOperationUuidError), "{bad:?}");
        }
    }
}
