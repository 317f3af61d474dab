//! What an operator decides about allocation: [`AllocatorConfig`].

use meseta_api::resources::{ResourceName, Resources, ResourcesError, Scalar, ScalarQuantities};
use meseta_api::v1;
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
    /// Agents that have GPUs are offered only to frameworks that can use them.
    pub filter_gpus: bool,
    /// Resources that do not count in dominant shares.
    pub fair_sharing_excluded: Vec<ResourceName>,
}

impl Default for AllocatorConfig {
    fn default() -> Self {
        AllocatorConfig {
            allocation_interval: Duration::from_secs(1),
            min_allocatable: MinAllocatable::default(),
            filter_gpus: true,
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
    /// As a framework says it in `offer_filters`: any of these, and what is named in one together.
    ///
    /// # Errors
    /// What of it is no amount of a resource.
    pub fn parse_v1(said: &v1::offer_filters::MinAllocatableResources) -> Result<Self, String> {
        let quantities = |all: &v1::offer_filters::ResourceQuantities| {
            let pairs = all.quantities.iter().map(|(name, amount)| {
                let wrong = |why: String| format!("'{}': {why}", name.escape_debug());
                let least = Scalar::from_f64(amount.value).map_err(|e| wrong(e.to_string()))?;
                let name = ResourceName::parse(name).map_err(|e| wrong(e.to_string()))?;
                Ok((name, least))
            });
            let pairs: Vec<_> = pairs.collect::<Result<_, String>>()?;
            ScalarQuantities::from_pairs(pairs).map_err(|error| error.to_string())
        };
        let alternatives = said.quantities.iter().map(quantities);
        Ok(MinAllocatable { alternatives: alternatives.collect::<Result<_, String>>()? })
    }

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
    fn all_10_a_framework_says_it_in_numbers() {
        use v1::offer_filters::{MinAllocatableResources, ResourceQuantities};
        let of = |all: &[&[(&str, f64)]]| {
            let quantities = all.iter().map(|all| ResourceQuantities {
                quantities: all
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), v1::value::Scalar { value: *value }))
                    .collect(),
            });
            let said = MinAllocatableResources { quantities: quantities.collect() };
            MinAllocatable::parse_v1(&said)
        };
        assert_eq!(of(&[&[("cpus", 1.0), ("mem", 32.0)]]), Ok("cpus:1;mem:32".parse().unwrap()));
        assert_eq!(of(&[&[("cpus", 1.0)], &[("gpus", 1.0)]]), Ok("cpus:1|gpus:1".parse().unwrap()));
        assert_eq!(of(&[]), Ok("".parse().unwrap()));
        for bad in [("cpus", f64::NAN), ("cpus", -1.0), ("", 1.0)] {
            let why = of(&[&[bad]]).unwrap_err();
            assert!(why.contains(&format!("'{}': ", bad.0)), "{why}");
        }
    }

    #[test]
    fn without_alternatives_anything_but_nothing() {
        assert!(admits("", "ports:[1-1]"));
        assert!(!admits("", ""));
    }
}
