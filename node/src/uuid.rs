//! [`Hyphenated`]: a UUID as people and Mesos' clients read it.

use std::fmt;

/// Prints 16 bytes as `8-4-4-4-12` hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hyphenated(pub [u8; 16]);

impl fmt::Display for Hyphenated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        let bytes = std::array::from_fn(|at| at as u8 * 17);
        assert_eq!(Hyphenated(bytes).to_string(), "00112233-4455-6677-8899-aabbccddeeff");
    }
}
