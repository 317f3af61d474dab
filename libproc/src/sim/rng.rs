//! The generator behind everything random in a simulation.

/// A small deterministic generator (SplitMix64): the World's entropy under simulation.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Rng(seed)
    }

    /// One of the independent streams of a seed. Each machine and each way between two has its
    /// own, so that taking a fault out of a run leaves the rest of it as it was.
    pub(crate) fn stream(seed: u64, kind: u64, number: u64) -> Self {
        let mut rng = Rng::new(seed ^ kind.rotate_left(32) ^ number);
        Rng(rng.next_u64() ^ Rng::new(kind).next_u64() ^ Rng::new(!number).next_u64())
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; 0 for an empty range.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Bias is of no interest at these bounds.
        self.next_u64().checked_rem(bound).unwrap_or(0)
    }
}
