//! A container's share of the machine, and the numbers the kernel wants for it.

use serde::{Deserialize, Serialize};

use crate::container::spec::InvalidSpec;

/// Version 1 shares of one whole cpu.
const SHARES_PER_CPU: u64 = 1024;
/// The kernel's least and most shares.
const SHARES: (u64, u64) = (2, 262_144);
/// Version 2 weight of one whole cpu.
const WEIGHT_PER_CPU: u64 = 100;
/// The kernel's least and most weight.
const WEIGHT: (u64, u64) = (1, 10_000);
/// Period of the bandwidth controller, in microseconds, as the reference has it.
pub(super) const PERIOD_US: u64 = 100_000;
/// The kernel's least quota, in microseconds.
const MIN_QUOTA_US: u64 = 1_000;
/// Less memory than this starts nothing: the reference's floor for both limits.
const MIN_MEMORY: u64 = 32 << 20;
/// A million cpus; keeps the arithmetic below far from overflow.
const MAX_CPU_MILLIS: u64 = 1_000_000_000;

/// What a container may use. `None` is unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CgroupLimits {
    /// The `cpus` scalar in thousandths: its weight against its neighbours.
    pub cpu_millis: Option<u64>,
    /// Whether `cpu_millis` is a ceiling too, also when the machine is idle.
    pub cpu_quota: bool,
    /// Bytes; beyond it something in the container is killed. At least 32 MB are granted.
    pub memory_bytes: Option<u64>,
    /// Bytes it keeps when the machine runs short; the hard limit when absent.
    pub memory_soft_bytes: Option<u64>,
}

impl CgroupLimits {
    pub(crate) fn check(&self) -> Result<(), InvalidSpec> {
        if let Some(millis) = self.cpu_millis.filter(|&millis| millis > MAX_CPU_MILLIS) {
            return Err(InvalidSpec::Cpus { millis, max: MAX_CPU_MILLIS });
        }
        for bytes in [self.memory_bytes, self.memory_soft_bytes].into_iter().flatten() {
            if i64::try_from(bytes).is_err() {
                return Err(InvalidSpec::Memory { bytes });
            }
        }
        Ok(())
    }

    /// `cpu.shares`.
    pub(super) fn shares(&self) -> Option<u64> {
        self.cpu_millis.map(|millis| (millis * SHARES_PER_CPU / 1000).clamp(SHARES.0, SHARES.1))
    }

    /// `cpu.weight`.
    pub(super) fn weight(&self) -> Option<u64> {
        self.cpu_millis.map(|millis| (millis * WEIGHT_PER_CPU / 1000).clamp(WEIGHT.0, WEIGHT.1))
    }

    /// Microseconds of cpu per [`PERIOD_US`], or `None` for no ceiling.
    pub(super) fn quota_us(&self) -> Option<u64> {
        let millis = self.cpu_millis.filter(|_| self.cpu_quota)?;
        Some((millis * PERIOD_US / 1000).max(MIN_QUOTA_US))
    }

    /// The hard memory limit in bytes.
    pub(super) fn hard(&self) -> Option<u64> {
        self.memory_bytes.map(|bytes| bytes.max(MIN_MEMORY))
    }

    /// The soft memory limit in bytes.
    pub(super) fn soft(&self) -> Option<u64> {
        self.memory_soft_bytes.or(self.memory_bytes).map(|bytes| bytes.max(MIN_MEMORY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpus(cpu_millis: u64) -> CgroupLimits {
        CgroupLimits { cpu_millis: Some(cpu_millis), cpu_quota: true, ..CgroupLimits::default() }
    }

    #[test]
    fn the_numbers_are_the_references() {
        let table = [(0, 2, 1, 1_000), (1, 2, 1, 1_000), (100, 102, 10, 10_000)];
        for (millis, shares, weight, quota) in table {
            let limits = cpus(millis);
            assert_eq!(limits.shares(), Some(shares), "{millis}");
            assert_eq!(limits.weight(), Some(weight), "{millis}");
            assert_eq!(limits.quota_us(), Some(quota), "{millis}");
        }
        assert_eq!(cpus(1_000).shares(), Some(1024));
        assert_eq!(cpus(1_500).quota_us(), Some(150_000));
        assert_eq!(cpus(MAX_CPU_MILLIS).shares(), Some(SHARES.1));
        assert_eq!(cpus(MAX_CPU_MILLIS).weight(), Some(WEIGHT.1));
    }

    #[test]
    fn memory_has_a_floor_and_soft_follows_hard() {
        let limits = CgroupLimits { memory_bytes: Some(1), ..CgroupLimits::default() };
        assert_eq!((limits.hard(), limits.soft()), (Some(MIN_MEMORY), Some(MIN_MEMORY)));
        assert_eq!(CgroupLimits::default().hard(), None);
    }

    #[test]
    fn absurd_values_are_refused() {
        assert!(cpus(MAX_CPU_MILLIS + 1).check().is_err());
        let limits = CgroupLimits { memory_bytes: Some(u64::MAX), ..CgroupLimits::default() };
        assert!(limits.check().is_err());
    }
}
