//! Durations as text, as the reference spells them.

use std::time::Duration;

/// `15secs`, `10mins`, `0ns`: a whole number of the greatest unit that leaves one.
pub fn spell(duration: Duration) -> String {
    const UNITS: [(u128, &str); 8] = [
        (7 * 24 * 3600 * 1_000_000_000, "weeks"),
        (24 * 3600 * 1_000_000_000, "days"),
        (3600 * 1_000_000_000, "hrs"),
        (60 * 1_000_000_000, "mins"),
        (1_000_000_000, "secs"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    let nanos = duration.as_nanos();
    let whole = UNITS.iter().find(|(unit, _)| nanos > 0 && nanos.is_multiple_of(*unit));
    whole.map_or("0ns".to_owned(), |(unit, name)| format!("{}{name}", nanos / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leg_02_durations_have_the_units_that_clients_parse() {
        for (span, text) in [
            (Duration::ZERO, "0ns"),
            (Duration::from_secs(15), "15secs"),
            (Duration::from_secs(900), "15mins"),
            (Duration::from_millis(1500), "1500ms"),
            (Duration::from_secs(14 * 24 * 3600), "2weeks"),
        ] {
            assert_eq!(spell(span), text);
        }
    }
}
