//! How the way from one machine to another is: how long it takes, how wide it is, how long its
//! connections live.

use super::Rng;
use std::time::Duration;

/// How long something takes, drawn anew each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latency {
    /// Always the same.
    Constant(Duration),
    /// Anything from the first to below the second, equally likely.
    Uniform(Duration, Duration),
    /// `least`, and an exponentially distributed while of mean `mean` on top: mostly short, now and
    /// then many times the mean.
    LongTail {
        /// Never less.
        least: Duration,
        /// What comes on top, on average.
        mean: Duration,
    },
}

impl Latency {
    pub(crate) fn draw(&self, rng: &mut Rng) -> Duration {
        match *self {
            Latency::Constant(time) => time,
            Latency::Uniform(least, most) => {
                least + Duration::from_nanos(rng.below(nanos(most.saturating_sub(least))))
            }
            Latency::LongTail { least, mean } => least + exponential(mean, rng),
        }
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// In whole numbers, so that no machine's floating point has a say: -log2 of a random number is its
/// leading zeros and, near enough, what is left of the next bit's place; 1.5 on average.
fn exponential(mean: Duration, rng: &mut Rng) -> Duration {
    let random = rng.next_u64() | 1;
    let zeros = u128::from(random.leading_zeros());
    let fraction = u128::from((random << random.leading_zeros() << 1) >> 32);
    let scaled = ((zeros + 1) << 32) - fraction;
    let drawn = (u128::from(nanos(mean)) * scaled * 2 / 3) >> 32;
    Duration::from_nanos(u64::try_from(drawn).unwrap_or(u64::MAX))
}

/// The way from one machine to another, in that direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// How long a frame is under way. Order is kept: what would overtake arrives together.
    pub latency: Latency,
    /// What passes in a second; none: as much as there is.
    pub bytes_per_second: Option<u64>,
    /// How long a connection that this side dialled lives before the network breaks it; none: for
    /// ever.
    pub lifetime: Option<Latency>,
}

impl Default for Conditions {
    /// A quiet datacenter: 0.1 to 2 ms, as wide as needed, nothing breaks.
    fn default() -> Self {
        Conditions {
            latency: Latency::Uniform(Duration::from_micros(100), Duration::from_millis(2)),
            bytes_per_second: None,
            lifetime: None,
        }
    }
}

impl Conditions {
    /// The default with another latency.
    pub fn taking(latency: Latency) -> Self {
        Conditions { latency, ..Conditions::default() }
    }

    /// How long `bytes` take to leave.
    pub(crate) fn leaving(&self, bytes: usize) -> Duration {
        match self.bytes_per_second {
            None => Duration::ZERO,
            Some(rate) => {
                let nanos = bytes as u128 * 1_000_000_000 / u128::from(rate.max(1));
                Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(latency: Latency) -> Vec<u64> {
        let mut rng = Rng::new(1);
        let mut drawn: Vec<u64> =
            (0..10_000).map(|_| latency.draw(&mut rng).as_micros() as u64).collect();
        drawn.sort_unstable();
        drawn
    }

    #[test]
    fn each_distribution_has_its_shape() {
        let ms = Duration::from_millis;
        assert!(draws(Latency::Constant(ms(3))).iter().all(|us| *us == 3000));
        let uniform = draws(Latency::Uniform(ms(2), ms(4)));
        assert!(uniform[0] >= 2000 && uniform[9999] < 4000 && uniform[5000].abs_diff(3000) < 50);
        let tail = draws(Latency::LongTail { least: ms(1), mean: ms(2) });
        let mean = tail.iter().sum::<u64>() / 10_000;
        assert!(mean.abs_diff(3000) < 100, "mean {mean}");
        // Half of an exponential lies below 0.69 of its mean, one in a thousand above 6.9 means.
        assert!(tail[5000].abs_diff(2380) < 120, "median {}", tail[5000]);
        assert!(tail[9990] > 12_000 && tail[0] >= 1000, "{}", tail[9990]);
    }

    #[test]
    fn width_is_bytes_over_time() {
        let narrow = Conditions { bytes_per_second: Some(1000), ..Conditions::default() };
        assert_eq!(narrow.leaving(500), Duration::from_millis(500));
        assert_eq!(Conditions::default().leaving(1 << 20), Duration::ZERO);
    }
}
