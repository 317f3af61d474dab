//! Amounts such as CPUs and megabytes, in fixed point.

use std::fmt;
use std::str::FromStr;

use serde::{de, Deserialize, Deserializer, Serialize, Serializer};

use super::error::ScalarError;

/// Thousandths in one unit: the wire promises three decimals.
const UNIT: i64 = 1000;

/// Largest amount taken from a double, in thousandths. Up to 2^51, what the division of `to_f64`
/// and the multiplication of `from_f64` lose together stays below half a thousandth, so that an
/// amount survives any number of trips over the wire; half of that leaves a margin. Sums may be
/// larger.
const MAX_ON_WIRE: i64 = 1 << 50;

/// A non-negative amount in thousandths of a unit.
///
/// Arithmetic is on integers and checked. Doubles exist on the wire only, through
/// [`Scalar::from_f64`] and [`Scalar::to_f64`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scalar(i64);

impl Scalar {
    pub const ZERO: Scalar = Scalar(0);

    /// An amount of `thousandths`; none if negative.
    pub const fn from_millis(thousandths: i64) -> Option<Self> {
        if thousandths < 0 {
            None
        } else {
            Some(Self(thousandths))
        }
    }

    /// An amount of whole `units`. Total, since even `u32::MAX` units fit.
    pub const fn from_units(units: u32) -> Self {
        Self(units as i64 * UNIT)
    }

    /// The double from the wire, rounded to the nearest thousandth, halves up: 0.0005 is 0.001,
    /// 0.0004 and -0.0 are zero. Refuses NaN, infinities, negatives, and what exceeds 2^50
    /// thousandths, about 1.1e12 units.
    pub fn from_f64(value: f64) -> Result<Self, ScalarError> {
        if !value.is_finite() {
            return Err(ScalarError::NotFinite);
        }
        if value < 0.0 {
            return Err(ScalarError::Negative);
        }
        let thousandths = (value * UNIT as f64).round();
        if thousandths > MAX_ON_WIRE as f64 {
            return Err(ScalarError::TooLarge);
        }
        Ok(Self(thousandths as i64))
    }

    /// Whether [`Scalar::from_f64`] reads back what [`Scalar::to_f64`] writes. A sum may be larger.
    pub const fn fits_wire(self) -> bool {
        self.0 <= MAX_ON_WIRE
    }

    /// The nearest double, for the wire.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / UNIT as f64
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether the amount has no fraction, as that of `gpus` must.
    pub const fn is_whole(self) -> bool {
        self.0 % UNIT == 0
    }

    /// The amount without its fraction.
    pub const fn floor(self) -> Self {
        Self(self.0 - self.0 % UNIT)
    }

    /// None on overflow.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The sum, or the largest amount there is.
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// None on overflow.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Scalar>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// None if `other` is larger.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        if other.0 > self.0 {
            None
        } else {
            Some(Self(self.0 - other.0))
        }
    }

    /// The difference, zero if `other` is larger.
    pub const fn saturating_sub(self, other: Self) -> Self {
        match self.checked_sub(other) {
            Some(rest) => rest,
            None => Self::ZERO,
        }
    }
}

/// The shortest decimal: `4`, `0.5`, `0.001`.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, thousandths) = (self.0 / UNIT, self.0 % UNIT);
        if thousandths == 0 {
            return write!(f, "{units}");
        }
        let decimals = format!("{thousandths:03}");
        write!(f, "{units}.{}", decimals.trim_end_matches('0'))
    }
}

/// A decimal number, by the rules of [`Scalar::from_f64`].
impl FromStr for Scalar {
    type Err = ScalarError;

    fn from_str(text: &str) -> Result<Self, ScalarError> {
        let value: f64 = text.parse().map_err(|_| ScalarError::NotANumber)?;
        Self::from_f64(value)
    }
}

/// As the integer number of thousandths.
impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let thousandths = i64::deserialize(deserializer)?;
        Self::from_millis(thousandths).ok_or_else(|| de::Error::custom(ScalarError::Negative))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn doubles_from_the_wire() {
        let table = [
            (0.0, Ok(0)),
            (-0.0, Ok(0)),
            (1e-9, Ok(0)),
            (0.0004, Ok(0)),
            (0.0005, Ok(1)),
            (0.1, Ok(100)),
            (0.1 + 0.2, Ok(300)),
            (1.0005, Ok(1001)),
            (1e12, Ok(1_000_000_000_000_000)),
            (1.2e12, Err(ScalarError::TooLarge)),
            (1e308, Err(ScalarError::TooLarge)),
            (f64::MAX, Err(ScalarError::TooLarge)),
            (-1e-9, Err(ScalarError::Negative)),
            (-1.0, Err(ScalarError::Negative)),
            (f64::NAN, Err(ScalarError::NotFinite)),
            (f64::INFINITY, Err(ScalarError::NotFinite)),
            (f64::NEG_INFINITY, Err(ScalarError::NotFinite)),
        ];
        for (value, expected) in table {
            assert_eq!(Scalar::from_f64(value).map(Scalar::millis), expected, "{value}");
        }
    }

    #[test]
    fn sums_do_not_overflow_silently() {
        let largest = Scalar::from_millis(i64::MAX).unwrap();
        assert_eq!(largest.checked_add(Scalar::from_millis(1).unwrap()), None);
        assert_eq!(Scalar::checked_sum([largest, largest]), None);
        assert_eq!(Scalar::from_millis(-1), None);
    }

    #[test]
    fn display_is_shortest() {
        for (millis, text) in [(0, "0"), (4000, "4"), (500, "0.5"), (1, "0.001"), (1010, "1.01")] {
            let scalar = Scalar::from_millis(millis).unwrap();
            assert_eq!(scalar.to_string(), text);
            assert_eq!(text.parse(), Ok(scalar));
        }
    }

    proptest! {
        #[test]
        fn survives_the_wire(millis in 0i64..=1 << 50) {
            let scalar = Scalar::from_millis(millis).unwrap();
            prop_assert_eq!(Scalar::from_f64(scalar.to_f64()), Ok(scalar));
            prop_assert_eq!(scalar.to_string().parse(), Ok(scalar));
        }

        #[test]
        fn any_double_is_taken_or_refused(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            if let Ok(scalar) = Scalar::from_f64(value) {
                prop_assert!(scalar.millis() >= 0);
            }
        }
    }
}
