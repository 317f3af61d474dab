//! Amounts by name, which is all that fair shares and quota look at.

use std::fmt;
use std::str::FromStr;

use serde::{de, Deserialize, Deserializer, Serialize, Serializer};

use super::error::{AddError, ResourcesError};
use super::name::ResourceName;
use super::scalar::Scalar;
use super::value::ValueKind;
use super::{parse, InvalidResource};

/// A small vector of amounts, sorted by name, none zero: what is not in it is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScalarQuantities(Vec<(ResourceName, Scalar)>);

impl ScalarQuantities {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The sums by name of amounts in any order.
    pub fn from_pairs(
        pairs: impl IntoIterator<Item = (ResourceName, Scalar)>,
    ) -> Result<Self, AddError> {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort_unstable();
        let mut sums = Self(Vec::with_capacity(pairs.len()));
        for (name, amount) in pairs {
            sums.push(&name, amount).ok_or(AddError::Overflow { name })?;
        }
        Ok(sums)
    }

    /// The sums by name of amounts sorted by name whose sums are known to exist.
    pub(super) fn from_sorted_sums<'a>(
        pairs: impl Iterator<Item = (&'a ResourceName, Scalar)>,
    ) -> Self {
        let mut sums: Vec<(ResourceName, Scalar)> = Vec::new();
        for (name, amount) in pairs.filter(|(_, amount)| !amount.is_zero()) {
            match sums.last_mut() {
                Some((last, sum)) if last == name => *sum = sum.saturating_add(amount),
                _ => sums.push((name.clone(), amount)),
            }
        }
        Self(sums)
    }

    /// Adds to the last name or a later one; none on overflow.
    fn push(&mut self, name: &ResourceName, amount: Scalar) -> Option<()> {
        match self.0.last_mut() {
            Some((last, sum)) if last == name => *sum = sum.checked_add(amount)?,
            _ if amount.is_zero() => {}
            _ => self.0.push((name.clone(), amount)),
        }
        Some(())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The amount of `name`, zero if not there.
    pub fn get(&self, name: &ResourceName) -> Scalar {
        match self.0.binary_search_by(|(other, _)| other.cmp(name)) {
            Ok(index) => self.0[index].1,
            Err(_) => Scalar::ZERO,
        }
    }

    /// The amounts that are not zero, ascending by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&ResourceName, Scalar)> {
        self.0.iter().map(|(name, amount)| (name, *amount))
    }

    pub fn checked_add(&self, other: &Self) -> Result<Self, AddError> {
        let mut sums = Self(Vec::with_capacity(self.0.len().max(other.0.len())));
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some((a, _)), Some((b, _))) if a <= b => left.next(),
                (_, Some(_)) => right.next(),
                (_, None) => left.next(),
            };
            let Some((name, amount)) = next else {
                return Ok(sums);
            };
            let name_of_error = || AddError::Overflow { name: name.clone() };
            sums.push(name, *amount).ok_or_else(name_of_error)?;
        }
    }

    /// What is left without `other`; none unless `self` contains it.
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        self.contains(other).then(|| self.saturating_sub(other))
    }

    /// What is left without `other`, by name, at least zero.
    pub fn saturating_sub(&self, other: &Self) -> Self {
        let rest = self.iter().map(|(name, amount)| {
            let rest = amount.saturating_sub(other.get(name));
            (name.clone(), rest)
        });
        Self(rest.filter(|(_, rest)| !rest.is_zero()).collect())
    }

    /// Whether every amount of `other` is there.
    pub fn contains(&self, other: &Self) -> bool {
        other.iter().all(|(name, amount)| self.get(name) >= amount)
    }
}

/// `cpus:4;mem:1024`
impl fmt::Display for ScalarQuantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, amount)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{name}:{amount}")?;
        }
        Ok(())
    }
}

/// Reads `cpus:0.01;mem:32`. Roles, ranges and sets are refused.
impl FromStr for ScalarQuantities {
    type Err = ResourcesError;

    fn from_str(text: &str) -> Result<Self, ResourcesError> {
        let entries = parse::parse_entries(text)?;
        let mut pairs = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            let invalid =
                |reason| ResourcesError::Invalid { index, name: entry.name().to_string(), reason };
            if entry.is_reserved() {
                return Err(invalid(InvalidResource::Unexpected("role")));
            }
            let amount = entry.value().scalar().ok_or_else(|| {
                invalid(InvalidResource::WrongKind {
                    expected: ValueKind::Scalar,
                    found: entry.kind(),
                })
            })?;
            pairs.push((entry.name().clone(), amount));
        }
        let sums = Self::from_pairs(pairs)?;
        match sums.0.iter().find(|(_, sum)| !sum.fits_wire()) {
            Some((name, _)) => Err(AddError::Overflow { name: name.clone() }.into()),
            None => Ok(sums),
        }
    }
}

/// As a list of pairs of name and thousandths.
impl Serialize for ScalarQuantities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ScalarQuantities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = Vec::<(ResourceName, Scalar)>::deserialize(deserializer)?;
        Self::from_pairs(pairs).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quantities(text: &str) -> ScalarQuantities {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_absent_is_zero() {
        let some = quantities("mem:2;cpus:1;gpus:0");
        assert_eq!(some.iter().len(), 2);
        assert_eq!(some.get(&ResourceName::GPUS), Scalar::ZERO);
        assert_eq!(some.checked_sub(&quantities("disk:1")), None);
        assert_eq!(some.saturating_sub(&quantities("disk:1;mem:5")), quantities("cpus:1"));
        assert_eq!(some.checked_sub(&some), Some(ScalarQuantities::new()));
    }

    #[test]
    fn sums_that_overflow_are_refused() {
        let largest = Scalar::from_millis(i64::MAX).unwrap();
        let pair = (ResourceName::MEM, largest);
        let one = ScalarQuantities::from_pairs([pair.clone()]).unwrap();
        let error = AddError::Overflow { name: ResourceName::MEM };
        assert_eq!(one.checked_add(&one), Err(error.clone()));
        assert_eq!(ScalarQuantities::from_pairs([pair.clone(), pair]), Err(error));
    }

    fn any_quantities() -> impl Strategy<Value = ScalarQuantities> {
        let name = prop::sample::select(vec!["cpus", "disk", "hats", "mem"]);
        prop::collection::vec((name, 0i64..5000), 0..6).prop_map(|pairs| {
            let parse = |(name, millis)| {
                let amount = Scalar::from_millis(millis).unwrap();
                (ResourceName::parse(name).unwrap(), amount)
            };
            ScalarQuantities::from_pairs(pairs.into_iter().map(parse)).unwrap()
        })
    }

    proptest! {
        #[test]
        fn subtraction_undoes_addition(a in any_quantities(), b in any_quantities()) {
            let sum = a.checked_add(&b).unwrap();
            prop_assert_eq!(&sum, &b.checked_add(&a).unwrap());
            prop_assert!(sum.contains(&a));
            prop_assert_eq!(sum.checked_sub(&b), Some(a.clone()));
            prop_assert_eq!(a.contains(&b), a.checked_sub(&b).is_some());
        }
    }
}
