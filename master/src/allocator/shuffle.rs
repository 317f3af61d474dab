//! [`Shuffle`]: a permutation that a seed decides, so that the same seed gives the same round.

/// Draws from SplitMix64. Agents are shuffled so that no framework always gets the same ones;
/// nothing depends on the numbers being hard to guess.
#[derive(Debug)]
pub(super) struct Shuffle {
    state: u64,
}

impl Shuffle {
    pub(super) fn new(seed: u64) -> Self {
        Shuffle { state: seed }
    }

    /// Fisher and Yates. The modulo's bias is below 2^-32 for any number of agents.
    pub(super) fn apply<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.draw() % (last as u64 + 1);
            items.swap(last, other as usize);
        }
    }

    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shuffled(seed: u64) -> Vec<u32> {
        let mut items: Vec<u32> = (0..100).collect();
        Shuffle::new(seed).apply(&mut items);
        items
    }

    #[test]
    fn a_seed_decides_a_permutation() {
        assert_eq!(shuffled(7), shuffled(7));
        assert_ne!(shuffled(7), shuffled(8));
        let mut items = shuffled(7);
        items.sort_unstable();
        assert!(items.into_iter().eq(0..100));
    }
}
