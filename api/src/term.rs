//! Who leads, as a value that can be compared: [`RegistryId`] and [`Term`].
//!
//! A term accompanies every message that a master sends. The election makes it, agents keep the
//! highest that they acknowledged on disk, and nobody else invents one.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Names one registry for ever: made once, from entropy, when the registry is first initialized.
/// Two clusters never share one, so an agent can tell that it is being led by a stranger.
///
/// Printed and serialized as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryId(u128);

impl RegistryId {
    /// The id with these bits, which the caller drew from its World's entropy.
    pub const fn from_bits(bits: u128) -> Self {
        RegistryId(bits)
    }

    /// The bits that the id was made of.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for RegistryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for RegistryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryId({self})")
    }
}

/// A text is not 32 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a registry id: expected 32 lower-case hexadecimal digits")]
pub struct ParseRegistryIdError {
    /// The first characters of what was given.
    pub text: String,
}

impl FromStr for RegistryId {
    type Err = ParseRegistryIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let well_formed =
            text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match u128::from_str_radix(text, 16) {
            Ok(bits) if well_formed => Ok(RegistryId(bits)),
            _ => Err(ParseRegistryIdError { text: text.chars().take(64).collect() }),
        }
    }
}

impl Serialize for RegistryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RegistryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One leader's time in office.
///
/// Deliberately without `Ord`: terms of different registries have no order, and a silent `false`
/// there would let a stranger pass for an old leader. Use [`Term::newer`] or [`Term::compare`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Term {
    /// The registry that the leader serves.
    pub registry: RegistryId,
    /// How often the registry was restored from a backup. It outranks `counter`, because a
    /// restored store may count from a lower number again.
    pub generation: u64,
    /// The revision at which the leader won its election (etcd), or the durable count of the
    /// master's starts (embedded store). Rises within a generation, with gaps.
    pub counter: u64,
}

impl Term {
    /// Whether `self` is strictly newer than `other`.
    ///
    /// # Errors
    /// [`OtherRegistry`] if the two do not belong to one registry and so have no order.
    pub fn newer(&self, other: &Term) -> Result<bool, OtherRegistry> {
        Ok(self.compare(other)? == Ordering::Greater)
    }

    /// The order of two terms of one registry: by generation, then by counter.
    ///
    /// # Errors
    /// [`OtherRegistry`] if the two do not belong to one registry and so have no order.
    pub fn compare(&self, other: &Term) -> Result<Ordering, OtherRegistry> {
        if self.registry != other.registry {
            return Err(OtherRegistry { ours: self.registry, theirs: other.registry });
        }
        Ok((self.generation, self.counter).cmp(&(other.generation, other.counter)))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} of registry {}", self.generation, self.counter, self.registry)
    }
}

/// Two terms belong to different registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("term of registry {theirs} where registry {ours} was expected")]
pub struct OtherRegistry {
    /// The registry of the term that was asked.
    pub ours: RegistryId,
    /// The registry of the term that it was compared with.
    pub theirs: RegistryId,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(registry: u128, generation: u64, counter: u64) -> Term {
        Term { registry: RegistryId::from_bits(registry), generation, counter }
    }

    #[test]
    fn generation_outranks_counter() {
        assert_eq!(term(1, 2, 1).newer(&term(1, 1, 900)), Ok(true));
        assert_eq!(term(1, 1, 900).newer(&term(1, 2, 1)), Ok(false));
        assert_eq!(term(1, 1, 8).newer(&term(1, 1, 7)), Ok(true));
        assert_eq!(term(1, 1, 7).newer(&term(1, 1, 7)), Ok(false), "an equal term is not newer");
    }

    #[test]
    fn terms_of_two_registries_have_no_order() {
        let err = term(1, 9, 9).newer(&term(2, 1, 1)).unwrap_err();
        assert_eq!(err.ours, RegistryId::from_bits(1));
        assert_eq!(err.theirs, RegistryId::from_bits(2));
    }

    #[test]
    fn registry_id_survives_text_and_json() {
        let id = RegistryId::from_bits(0x00ab_cdef);
        assert_eq!(id.to_string(), "00000000000000000000000000abcdef");
        assert_eq!(id.to_string().parse(), Ok(id));
        let json = serde_json::to_string(&term(0xabcdef, 3, 4)).unwrap();
        assert_eq!(
            json,
            r#"{"registry":"00000000000000000000000000abcdef","generation":3,"counter":4}"#
        );
        assert_eq!(serde_json::from_str::<Term>(&json).unwrap(), term(0xabcdef, 3, 4));
    }

    #[test]
    fn malformed_registry_ids_are_refused() {
        for text in
            ["", "abc", "+0000000000000000000000000abcdef", &"G".repeat(32), &"A".repeat(32)]
        {
            assert!(text.parse::<RegistryId>().is_err(), "`{text}` was accepted");
        }
    }
}
