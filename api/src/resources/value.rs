//! What a resource has of something: an amount, ranges, or a set.

use std::fmt;

use super::ranges::Ranges;
use super::scalar::Scalar;
use super::set::Set;

/// The types of values that resources may have, as on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    Scalar,
    Ranges,
    Set,
}

/// As the wire's enum spells it.
impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar => "SCALAR",
            Self::Ranges => "RANGES",
            Self::Set => "SET",
        })
    }
}

/// A value in normal form. The order, by kind first, has no meaning beyond being total.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    Scalar(Scalar),
    Ranges(Ranges),
    Set(Set),
}

/// Why two values have no sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ValueAddError {
    Overflow,
    Overlap(Value),
    DifferentKinds,
}

impl Value {
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::Scalar(_) => ValueKind::Scalar,
            Self::Ranges(_) => ValueKind::Ranges,
            Self::Set(_) => ValueKind::Set,
        }
    }

    /// Whether this is zero, or a set of nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(scalar) => scalar.is_zero(),
            Self::Ranges(ranges) => ranges.is_empty(),
            Self::Set(set) => set.is_empty(),
        }
    }

    /// The amount, if this is one.
    pub fn scalar(&self) -> Option<Scalar> {
        match self {
            Self::Scalar(scalar) => Some(*scalar),
            _ => None,
        }
    }

    /// The ranges, if this is some.
    pub fn ranges(&self) -> Option<&Ranges> {
        match self {
            Self::Ranges(ranges) => Some(ranges),
            _ => None,
        }
    }

    /// The set, if this is one.
    pub fn set(&self) -> Option<&Set> {
        match self {
            Self::Set(set) => Some(set),
            _ => None,
        }
    }

    /// Whether `self` has at least what `other` has; false across kinds.
    pub fn contains(&self, other: &Value) -> bool {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => a >= b,
            (Self::Ranges(a), Self::Ranges(b)) => a.contains(b),
            (Self::Set(a), Self::Set(b)) => a.contains(b),
            _ => false,
        }
    }

    /// The sum, which a subtraction takes apart again: sets must be disjoint.
    pub(super) fn checked_add(&self, other: &Value) -> Result<Value, ValueAddError> {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => {
                a.checked_add(*b).map(Value::Scalar).ok_or(ValueAddError::Overflow)
            }
            (Self::Ranges(a), Self::Ranges(b)) => a
                .disjoint_union(b)
                .map(Value::Ranges)
                .map_err(|common| ValueAddError::Overlap(Value::Ranges(common))),
            (Self::Set(a), Self::Set(b)) => a
                .disjoint_union(b)
                .map(Value::Set)
                .map_err(|common| ValueAddError::Overlap(Value::Set(common))),
            _ => Err(ValueAddError::DifferentKinds),
        }
    }

    /// The sum of amounts, the union of sets.
    pub(super) fn checked_merge(&self, other: &Value) -> Result<Value, ValueAddError> {
        match (self, other) {
            (Self::Ranges(a), Self::Ranges(b)) => Ok(Self::Ranges(a.union(b))),
            (Self::Set(a), Self::Set(b)) => Ok(Self::Set(a.union(b))),
            _ => self.checked_add(other),
        }
    }

    /// What is left without `other`; none unless `self` contains it.
    pub fn checked_sub(&self, other: &Value) -> Option<Value> {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => a.checked_sub(*b).map(Value::Scalar),
            (Self::Ranges(a), Self::Ranges(b)) if a.contains(b) => {
                Some(Self::Ranges(a.difference(b)))
            }
            (Self::Set(a), Self::Set(b)) if a.contains(b) => Some(Self::Set(a.difference(b))),
            _ => None,
        }
    }
}

/// `4`, `[1-5]`, `{a,b}`
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => scalar.fmt(f),
            Self::Ranges(ranges) => ranges.fmt(f),
            Self::Set(set) => set.fmt(f),
        }
    }
}
