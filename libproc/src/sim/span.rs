//! Spans of time as text: `1.25s`, exact to the nanosecond.

use std::fmt;
use std::time::Duration;

pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:09}", self.0.subsec_nanos());
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{}s", self.0.as_secs()),
            fraction => write!(f, "{}.{fraction}s", self.0.as_secs()),
        }
    }
}

/// Reads `2s`, `0.5s` or `20ms`.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let (number, per_unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1_000_000u128),
        None => (text.strip_suffix('s')?, 1_000_000_000),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > 11 || fraction.len() > 9 {
        return None;
    }
    let part = fraction.parse::<u128>().ok()? * per_unit / 10u128.pow(fraction.len() as u32);
    let nanos = whole.parse::<u128>().ok()? * per_unit + part;
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_round_trip_and_nonsense_is_none() {
        for nanos in [0, 1, 250_000_000, 1_250_000_000, 60_000_000_000, u64::MAX / 2] {
            let span = Duration::from_nanos(nanos);
            assert_eq!(parse(&Span(span).to_string()), Some(span));
        }
        assert_eq!(parse("20ms"), Some(Duration::from_millis(20)));
        for bad in ["", "s", "1", "-1s", "1.s", ".5s", "1e3s", "1.0000000001s", "999999999999s"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
