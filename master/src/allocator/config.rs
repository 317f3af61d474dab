//! What an operator decides about allocation: [`AllocatorConfig`].

use meseta_api::resources::{ResourceName, Resources, ResourcesError, Scalar, ScalarQuantities};
use std::str::FromStr;
use std::time::Duration;

/// Fixed for the life of an allocator.
#[derive(Clone, Debug)]
pub struct AllocatorConfig {
    /// Time between rounds when nothing asks for one; also the shortest life of a refusal, so that
    /// one lasts for at least one round.
    pub allocation_interval: Duration,
    /// Less than this of an agent is not worth an offer.
    pub min_allocatable: MinAllocatable,
    /// Resources that do not count in dominant shares.
    pub fair_sharing_excluded: Vec<ResourceName>,
}

impl Default for AllocatorConfig {
    fn default() -> Self {
        AllocatorConfig {
            allocation_interval: Duration::from_secs(1),
            min_allocatable: MinAllocatable::default(),
            fair_sharing_excluded: Vec::new(),
        }
    }
}

/// `cpus:0.01|mem:32`: resources are allocatable if they have all amounts of one alternative.
/// Without alternatives anything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinAllocatable {
    alternatives: Vec<ScalarQuantities>,
}

impl MinAllocatable {
    /// Whether `resources` are worth an offer. Nothing never is.
    pub fn admits(&self, resources: &Resources) -> bool {
        if resources.is_empty() {
            return false;
        }
        self.alternatives.is_empty()
            || self
                .alternatives
                .iter()
                .any(|all| all.iter().all(|(name, least)| resources.scalar(name) >= least))
    }
}

/// A hundredth of a processor or 32 MB: the least that Mesos gives a container.
impl Default for MinAllocatable {
    fn default() -> Self {
        let least = |name, millis| {
            let amount = Scalar::from_millis(millis).unwrap_or_default();
            // One name cannot overflow.
            ScalarQuantities::from_pairs([(name, amount)]).unwrap_or_default()
        };
        MinAllocatable {
            alternatives: vec![least(ResourceName::CPUS, 10), least(ResourceName::MEM, 32_000)],
        }
    }
}

/// As in `--min-allocatable-resources`; the empty string has no alternatives.
impl FromStr for MinAllocatable {
    type Err = ResourcesError;

    fn from_str(text: &str) -> Result<Self, ResourcesError> {
        if text.is_empty() {
            return Ok(MinAllocatable { alternatives: Vec::new() });
        }
        let alternatives = text.split('|').map(str::parse).collect::<Result<_, _>>()?;
        Ok(MinAllocatable { alternatives })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(minimum: &str, resources: &str) -> bool {
        let minimum: MinAllocatable = minimum.parse().unwrap();
        minimum.admits(&Resources::parse(resources).unwrap())
    }

    #[test]
    fn one_alternative_is_enough_but_all_of_it() {
        let default = "cpus:0.01|mem:32";
        assert_eq!(default.parse(), Ok(MinAllocatable::default()));
        assert!(admits(default, "cpus:0.01"));
        assert!(admits(default, "mem:32;disk:1"));
        assert!(!admits(default, "cpus:0.009;mem:31.999;disk:10000"));
        assert!(admits("cpus:1;mem:32", "cpus:1;mem:32"));
        assert!(!admits("cpus:1;mem:32", "cpus:8"));
    }

    #[test]
    fn without_alternatives_anything_but_nothing() {
        assert!(admits("", "ports:[1-1]"));
        assert!(!admits("", ""));
    }
}
