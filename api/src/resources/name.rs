//! Names of resources.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{de, Deserialize, Deserializer, Serialize, Serializer};

use super::error::NameError;
use super::value::ValueKind;

/// Longest name in bytes.
pub const MAX_NAME_BYTES: usize = 255;

/// A resource's name. The standard ones cost nothing to clone, others one reference count.
#[derive(Clone)]
pub struct ResourceName(Repr);

#[derive(Clone)]
enum Repr {
    Standard(Standard),
    /// Never the name of a standard resource.
    Custom(Arc<str>),
}

/// In the order of their names, so that comparing two needs no strings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standard {
    Cpus,
    Disk,
    Gpus,
    Mem,
    Ports,
}

impl ResourceName {
    /// Processors, possibly fractions of one.
    pub const CPUS: Self = Self(Repr::Standard(Standard::Cpus));
    /// Megabytes of disk.
    pub const DISK: Self = Self(Repr::Standard(Standard::Disk));
    /// Graphics processors, whole ones only.
    pub const GPUS: Self = Self(Repr::Standard(Standard::Gpus));
    /// Megabytes of memory.
    pub const MEM: Self = Self(Repr::Standard(Standard::Mem));
    /// TCP and UDP ports.
    pub const PORTS: Self = Self(Repr::Standard(Standard::Ports));

    /// The standard names, ascending.
    pub(super) const STANDARD: [Self; 5] =
        [Self::CPUS, Self::DISK, Self::GPUS, Self::MEM, Self::PORTS];

    /// Accepts 1 to [`MAX_NAME_BYTES`] bytes without `;` and control characters, and without white
    /// space at either end.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if let Some(standard) = Self::standard(text) {
            return Ok(standard);
        }
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong { length: text.len(), limit: MAX_NAME_BYTES });
        }
        let forbidden = |c: &char| *c == ';' || c.is_control();
        if let Some((offset, character)) = text.char_indices().find(|(_, c)| forbidden(c)) {
            return Err(NameError::ForbiddenCharacter { character, offset });
        }
        if text.trim().len() != text.len() {
            return Err(NameError::OuterWhitespace);
        }
        Ok(Self(Repr::Custom(Arc::from(text))))
    }

    fn standard(text: &str) -> Option<Self> {
        Self::STANDARD.into_iter().find(|name| name.as_str() == text)
    }

    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Standard(Standard::Cpus) => "cpus",
            Repr::Standard(Standard::Disk) => "disk",
            Repr::Standard(Standard::Gpus) => "gpus",
            Repr::Standard(Standard::Mem) => "mem",
            Repr::Standard(Standard::Ports) => "ports",
            Repr::Custom(name) => name,
        }
    }

    /// The kind that a resource of this name must have; none for custom resources.
    pub fn required_kind(&self) -> Option<ValueKind> {
        match self.0 {
            Repr::Standard(Standard::Ports) => Some(ValueKind::Ranges),
            Repr::Standard(_) => Some(ValueKind::Scalar),
            Repr::Custom(_) => None,
        }
    }
}

impl PartialEq for ResourceName {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Standard(a), Repr::Standard(b)) => a == b,
            (Repr::Custom(a), Repr::Custom(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for ResourceName {}

impl PartialOrd for ResourceName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By the bytes of the names.
impl Ord for ResourceName {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Standard(a), Repr::Standard(b)) => a.cmp(b),
            _ => self.as_str().cmp(other.as_str()),
        }
    }
}

impl Hash for ResourceName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResourceName({self})")
    }
}

impl AsRef<str> for ResourceName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Serialize for ResourceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ResourceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_names() {
        for good in ["cpus", "nvidia.com/gpu", "a b", "Ports", &"x".repeat(MAX_NAME_BYTES)] {
            let name = ResourceName::parse(good).map(|n| n.to_string());
            assert_eq!(name, Ok(good.to_owned()));
        }
        for bad in ["", "cpus;mem", " cpus", "cpus\n", "a\0b", &"x".repeat(10 * 1024)] {
            assert!(ResourceName::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn order_is_that_of_the_strings() {
        let texts = ["apples", "cpus", "cpuset", "disk", "gpus", "hogs", "mem", "ports", "zinc"];
        let names: Vec<_> = texts.iter().map(|t| ResourceName::parse(t).unwrap()).collect();
        assert!(names.is_sorted());
        assert_eq!(names[1], ResourceName::CPUS);
    }
}
