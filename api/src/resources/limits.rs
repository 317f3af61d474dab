//! Upper bounds by name, as quota sets them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::name::ResourceName;
use super::quantities::ScalarQuantities;
use super::scalar::Scalar;

/// Limits by name. Unlike in [`ScalarQuantities`], zero is a limit, and a name that is absent has
/// none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<(ResourceName, Scalar)>", into = "Vec<(ResourceName, Scalar)>")]
pub struct ResourceLimits(Vec<(ResourceName, Scalar)>);

impl ResourceLimits {
    /// No limits.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Limits in any order; of two for one name, the lower.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (ResourceName, Scalar)>) -> Self {
        let mut limits: Vec<_> = pairs.into_iter().collect();
        limits.sort_unstable();
        limits.dedup_by(|later, first| later.0 == first.0);
        Self(limits)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The limit of `name`; none if unlimited.
    pub fn get(&self, name: &ResourceName) -> Option<Scalar> {
        let index = self.0.binary_search_by(|(other, _)| other.cmp(name)).ok()?;
        Some(self.0[index].1)
    }

    /// The limits, ascending by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&ResourceName, Scalar)> {
        self.0.iter().map(|(name, limit)| (name, *limit))
    }

    /// Whether `quantities` stay within every limit.
    pub fn admit(&self, quantities: &ScalarQuantities) -> bool {
        self.iter().all(|(name, limit)| quantities.get(name) <= limit)
    }

    /// The limits that remain after `used`, at least zero each.
    pub fn remaining(&self, used: &ScalarQuantities) -> Self {
        let rest = self.iter();
        Self(
            rest.map(|(name, limit)| (name.clone(), limit.saturating_sub(used.get(name))))
                .collect(),
        )
    }
}

impl From<Vec<(ResourceName, Scalar)>> for ResourceLimits {
    fn from(pairs: Vec<(ResourceName, Scalar)>) -> Self {
        Self::from_pairs(pairs)
    }
}

impl From<ResourceLimits> for Vec<(ResourceName, Scalar)> {
    fn from(limits: ResourceLimits) -> Self {
        limits.0
    }
}

/// `cpus:4;gpus:0`
impl fmt::Display for ResourceLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, limit)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{name}:{limit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(pairs: &[(ResourceName, u32)]) -> ResourceLimits {
        let pairs = pairs.iter().map(|(name, units)| (name.clone(), Scalar::from_units(*units)));
        ResourceLimits::from_pairs(pairs)
    }

    #[test]
    fn zero_limits_and_absence_does_not() {
        let limits = limits(&[(ResourceName::MEM, 8), (ResourceName::GPUS, 0)]);
        let quantities = |text: &str| text.parse::<ScalarQuantities>().unwrap();
        assert!(limits.admit(&quantities("cpus:1000;mem:8")));
        assert!(!limits.admit(&quantities("mem:8.001")));
        assert!(!limits.admit(&quantities("gpus:1")));
        let remaining = limits.remaining(&quantities("cpus:1;mem:3;gpus:2"));
        assert_eq!(remaining.to_string(), "gpus:0;mem:5");
    }

    #[test]
    fn the_lower_of_two_limits_holds() {
        let twice = limits(&[(ResourceName::MEM, 8), (ResourceName::MEM, 5)]);
        assert_eq!(twice, limits(&[(ResourceName::MEM, 5)]));
        let json = serde_json::to_string(&twice).unwrap();
        assert_eq!(serde_json::from_str::<ResourceLimits>(&json).unwrap(), twice);
    }
}
