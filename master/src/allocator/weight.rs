//! [`Weight`]: how much a role counts against the others.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;

/// A role's weight in thousandths, so that shares compare without floating point. Never zero; as
/// data it is the number of thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Weight(NonZeroU32);

impl Weight {
    /// The weight 1 of a role that was given none.
    pub const DEFAULT: Weight = match NonZeroU32::new(1000) {
        Some(thousandths) => Weight(thousandths),
        None => unreachable!(),
    };

    /// A weight of `thousandths`; none if zero.
    pub const fn from_thousandths(thousandths: u32) -> Option<Self> {
        match NonZeroU32::new(thousandths) {
            Some(thousandths) => Some(Weight(thousandths)),
            None => None,
        }
    }

    /// The wire's number, rounded to the nearest thousandth. None unless that is at least 0.001
    /// and at most about 4.29 million.
    pub fn from_f64(weight: f64) -> Option<Self> {
        let thousandths = (weight * 1000.0).round();
        if !(1.0..=f64::from(u32::MAX)).contains(&thousandths) {
            return None;
        }
        Self::from_thousandths(thousandths as u32)
    }

    /// For the wire.
    pub fn to_f64(self) -> f64 {
        f64::from(self.0.get()) / 1000.0
    }

    /// The number of thousandths, at least 1.
    pub const fn thousandths(self) -> u32 {
        self.0.get()
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_positive_finite_weights_exist() {
        for bad in [0.0, -1.0, 0.0004, f64::NAN, f64::INFINITY, 5e6] {
            assert_eq!(Weight::from_f64(bad), None, "{bad}");
        }
        for (good, thousandths) in [(1.0, 1000), (0.0005, 1), (2.5, 2500)] {
            assert_eq!(Weight::from_f64(good).map(Weight::thousandths), Some(thousandths));
        }
    }
}
