//! Numbers that come as strings or as floats.

/// 2^64 and 2^63, the first floats beyond the integers.
const U64_END: f64 = 18_446_744_073_709_551_616.0;
const I64_END: f64 = 9_223_372_036_854_775_808.0;

/// A number of any spelling; integers stay exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

impl Number {
    /// Reads a decimal number as JSON would spell it; nothing around it, no plus sign.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if !text.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return None;
        }
        if let Ok(value) = text.parse() {
            return Some(Self::Unsigned(value));
        }
        if let Ok(value) = text.parse() {
            return Some(Self::Signed(value));
        }
        // Rust also reads `-inf` and `-nan`, which are no numbers here.
        let float: f64 = text.parse().ok()?;
        (float.is_finite() && !text.ends_with(|c: char| c.is_ascii_alphabetic()))
            .then_some(Self::Float(float))
    }

    /// The number as an integer of type `T`, where it is one and fits.
    pub(crate) fn integer<T: TryFrom<u64> + TryFrom<i64>>(self) -> Option<T> {
        match self {
            Self::Unsigned(value) => T::try_from(value).ok(),
            Self::Signed(value) => T::try_from(value).ok(),
            Self::Float(value) if value.fract() != 0.0 => None,
            // The casts are exact: the value is integral and in range.
            Self::Float(value) if (0.0..U64_END).contains(&value) => T::try_from(value as u64).ok(),
            Self::Float(value) if (-I64_END..0.0).contains(&value) => {
                T::try_from(value as i64).ok()
            }
            Self::Float(_) => None,
        }
    }

    /// The number as the nearest double.
    pub(crate) fn double(self) -> f64 {
        match self {
            Self::Unsigned(value) => value as f64,
            Self::Signed(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_exact_to_their_ends() {
        assert_eq!(Number::parse("18446744073709551615").and_then(Number::integer), Some(u64::MAX));
        assert_eq!(Number::parse("-9223372036854775808").and_then(Number::integer), Some(i64::MIN));
        assert_eq!(Number::parse("18446744073709551616").and_then(Number::integer::<u64>), None);
        assert_eq!(Number::Float(U64_END).integer::<u64>(), None);
        assert_eq!(Number::Float(I64_END).integer::<i64>(), None);
        assert_eq!(Number::Float(-I64_END).integer(), Some(i64::MIN));
        assert_eq!(Number::Float(2_147_483_648.0).integer::<i32>(), None);
        assert_eq!(Number::Float(-1.0).integer::<u32>(), None);
        assert_eq!(Number::Float(-0.0).integer(), Some(0_u32));
        assert_eq!(Number::Float(f64::NAN).integer::<u64>(), None);
        assert_eq!(Number::Float(f64::INFINITY).integer::<u64>(), None);
    }

    #[test]
    fn only_plain_numbers_parse() {
        for text in
            ["", " 1", "1 ", "+1", "0x10", "inf", "-inf", "nan", "-nan", "NaN", "1e999", ".5"]
        {
            assert_eq!(Number::parse(text), None, "{text:?}");
        }
        assert_eq!(Number::parse("1.5e3"), Some(Number::Float(1500.0)));
    }
}
