//! Sets of integers as inclusive ranges, such as ports.

use std::fmt;
use std::sync::Arc;

use super::error::RangesError;

/// Most ranges in one value. A client must not make an agent's every subtraction walk more.
pub const MAX_RANGES: usize = 65_536;

/// `begin..=end`, never inverted within a [`Ranges`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    pub begin: u64,
    pub end: u64,
}

/// A set of `u64`: sorted, disjoint ranges with a gap between any two, so that equal sets have
/// equal representations. Clones share the memory; operations are linear in the ranges.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ranges(Arc<[Range]>);

impl Ranges {
    /// The union of `ranges`, which may come in any order, overlap and touch. O(n log n). Refuses
    /// an inverted range, and more than [`MAX_RANGES`] ranges given.
    pub fn new(ranges: impl IntoIterator<Item = (u64, u64)>) -> Result<Self, RangesError> {
        let ranges = sorted(ranges)?;
        Ok(Self::coalesce(ranges.into_iter()))
    }

    /// As [`Ranges::new`], but refuses ranges that share an integer.
    pub fn new_disjoint(ranges: impl IntoIterator<Item = (u64, u64)>) -> Result<Self, RangesError> {
        let ranges = sorted(ranges)?;
        for pair in ranges.windows(2) {
            if pair[1].begin <= pair[0].end {
                return Err(RangesError::Overlapping {
                    begin: pair[1].begin,
                    end: pair[1].end.min(pair[0].end),
                });
            }
        }
        Ok(Self::coalesce(ranges.into_iter()))
    }

    pub fn empty() -> Self {
        Self(Arc::from([]))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges, ascending.
    pub fn as_slice(&self) -> &[Range] {
        &self.0
    }

    /// How many integers are in the set. All of `u64` needs the `u128`.
    pub fn count(&self) -> u128 {
        let length = |r: &Range| u128::from(r.end - r.begin) + 1;
        self.0.iter().map(length).sum()
    }

    pub fn contains_value(&self, value: u64) -> bool {
        let after = self.0.partition_point(|r| r.end < value);
        self.0.get(after).is_some_and(|r| r.begin <= value)
    }

    /// The greatest integer of the set.
    pub fn max(&self) -> Option<u64> {
        self.0.last().map(|r| r.end)
    }

    /// The integers of the set, ascending.
    pub fn values(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().flat_map(|r| r.begin..=r.end)
    }

    /// Whether every integer of `other` is in `self`.
    pub fn contains(&self, other: &Ranges) -> bool {
        let mut mine = self.0.iter().peekable();
        other.0.iter().all(|wanted| {
            while mine.next_if(|r| r.end < wanted.begin).is_some() {}
            mine.peek().is_some_and(|r| r.begin <= wanted.begin && wanted.end <= r.end)
        })
    }

    pub fn union(&self, other: &Ranges) -> Ranges {
        if other.is_empty() {
            return self.clone();
        }
        if self.is_empty() {
            return other.clone();
        }
        Self::coalesce(merge(&self.0, &other.0))
    }

    pub fn intersection(&self, other: &Ranges) -> Ranges {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut common = Vec::new();
        while let (Some(&&a), Some(&&b)) = (left.peek(), right.peek()) {
            let (begin, end) = (a.begin.max(b.begin), a.end.min(b.end));
            if begin <= end {
                common.push(Range { begin, end });
            }
            if a.end <= b.end {
                left.next();
            } else {
                right.next();
            }
        }
        Self(common.into())
    }

    /// What is in `self` and not in `other`.
    pub fn difference(&self, other: &Ranges) -> Ranges {
        let mut holes = other.0.iter().peekable();
        let mut rest = Vec::with_capacity(self.0.len());
        for &range in self.0.iter() {
            subtract_holes(range, &mut holes, &mut rest);
        }
        Self(rest.into())
    }

    /// The union of two sets without a common integer; the common ones otherwise.
    pub fn disjoint_union(&self, other: &Ranges) -> Result<Ranges, Ranges> {
        let common = self.intersection(other);
        if common.is_empty() {
            Ok(self.union(other))
        } else {
            Err(common)
        }
    }

    /// Joins what overlaps or touches; `ranges` ascend by `begin`.
    fn coalesce(ranges: impl Iterator<Item = Range>) -> Self {
        let mut joined: Vec<Range> = Vec::with_capacity(ranges.size_hint().0);
        for range in ranges {
            match joined.last_mut() {
                // Saturation is right: nothing begins after u64::MAX.
                Some(last) if range.begin <= last.end.saturating_add(1) => {
                    last.end = last.end.max(range.end);
                }
                _ => joined.push(range),
            }
        }
        Self(joined.into())
    }
}

/// Pushes the parts of `range` outside `holes`, and drops the holes that end within it.
fn subtract_holes<'a>(
    mut range: Range,
    holes: &mut std::iter::Peekable<impl Iterator<Item = &'a Range>>,
    rest: &mut Vec<Range>,
) {
    while holes.next_if(|hole| hole.end < range.begin).is_some() {}
    while let Some(hole) = holes.peek() {
        if hole.begin > range.end {
            break;
        }
        if hole.begin > range.begin {
            rest.push(Range { begin: range.begin, end: hole.begin - 1 });
        }
        if hole.end >= range.end {
            return;
        }
        range.begin = hole.end + 1;
        holes.next();
    }
    rest.push(range);
}

fn sorted(ranges: impl IntoIterator<Item = (u64, u64)>) -> Result<Vec<Range>, RangesError> {
    let mut sorted = Vec::new();
    for (begin, end) in ranges {
        if begin > end {
            return Err(RangesError::Inverted { begin, end });
        }
        if sorted.len() == MAX_RANGES {
            return Err(RangesError::TooMany);
        }
        sorted.push(Range { begin, end });
    }
    sorted.sort_unstable();
    Ok(sorted)
}

/// Both slices, each ascending, as one ascending sequence.
fn merge<'a>(left: &'a [Range], right: &'a [Range]) -> impl Iterator<Item = Range> + 'a {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    std::iter::from_fn(move || match (left.peek(), right.peek()) {
        (Some(a), Some(b)) if a <= b => left.next().copied(),
        (_, Some(_)) => right.next().copied(),
        (_, None) => left.next().copied(),
    })
}

/// `[1-5,8-8]`
impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, range) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{}-{}", range.begin, range.end)?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ranges{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn ranges(pairs: &[(u64, u64)]) -> Ranges {
        Ranges::new(pairs.iter().copied()).unwrap()
    }

    #[test]
    fn normal_form() {
        let table: &[(&[(u64, u64)], &str)] = &[
            (&[], "[]"),
            (&[(5, 5)], "[5-5]"),
            (&[(8, 9), (1, 3)], "[1-3,8-9]"),
            (&[(1, 3), (4, 6)], "[1-6]"),
            (&[(1, 5), (3, 8)], "[1-8]"),
            (&[(1, 9), (3, 4)], "[1-9]"),
            (&[(u64::MAX, u64::MAX), (0, u64::MAX - 1)], "[0-18446744073709551615]"),
            (&[(0, u64::MAX), (5, u64::MAX)], "[0-18446744073709551615]"),
        ];
        for (given, expected) in table {
            assert_eq!(ranges(given).to_string(), *expected);
        }
    }

    #[test]
    fn refusals() {
        assert_eq!(Ranges::new([(5, 4)]), Err(RangesError::Inverted { begin: 5, end: 4 }));
        assert_eq!(
            Ranges::new_disjoint([(4, 9), (1, 5)]),
            Err(RangesError::Overlapping { begin: 4, end: 5 })
        );
        assert!(Ranges::new_disjoint([(4, 9), (1, 3)]).is_ok());
        let million = (0..1_000_000).map(|n| (2 * n, 2 * n));
        assert_eq!(Ranges::new(million), Err(RangesError::TooMany));
    }

    #[test]
    fn many_unsorted_single_values_are_fast() {
        // Descending order and no two touching: quadratic normalisation would take minutes.
        let count = MAX_RANGES as u64;
        let many = Ranges::new((0..count).rev().map(|n| (2 * n, 2 * n))).unwrap();
        assert_eq!(many.count(), u128::from(count));
        assert!(many.difference(&many).is_empty());
        assert!(many.contains(&many));
    }

    #[test]
    fn the_whole_of_u64() {
        let all = ranges(&[(0, u64::MAX)]);
        assert_eq!(all.count(), 1 << 64);
        let rest = all.difference(&ranges(&[(0, 0), (u64::MAX, u64::MAX)]));
        assert_eq!(rest, ranges(&[(1, u64::MAX - 1)]));
        assert_eq!(all.difference(&all), Ranges::empty());
        assert_eq!(ranges(&[(u64::MAX, u64::MAX)]).values().count(), 1);
    }

    /// Ranges near zero or near the top, and the set that they mean.
    fn model() -> impl Strategy<Value = (Ranges, BTreeSet<u64>)> {
        let pair = (0u64..60, 0u64..8);
        (prop::collection::vec(pair, 0..8), any::<bool>()).prop_map(|(pairs, top)| {
            let place = |n: u64| if top { u64::MAX - 70 + n } else { n };
            let pairs: Vec<_> = pairs
                .iter()
                .map(|&(begin, length)| (place(begin), place(begin + length)))
                .collect();
            let set = pairs.iter().flat_map(|&(b, e)| b..=e).collect();
            (Ranges::new(pairs).unwrap(), set)
        })
    }

    proptest! {
        #[test]
        fn agrees_with_a_set_of_integers((a, x) in model(), (b, y) in model()) {
            let values = |r: Ranges| r.values().collect::<BTreeSet<_>>();
            prop_assert_eq!(a.count(), x.len() as u128);
            prop_assert_eq!(values(a.union(&b)), &x | &y);
            prop_assert_eq!(values(a.intersection(&b)), &x & &y);
            prop_assert_eq!(values(a.difference(&b)), &x - &y);
            prop_assert_eq!(a.contains(&b), y.is_subset(&x));
            prop_assert_eq!(a.disjoint_union(&b).is_ok(), x.is_disjoint(&y));
            prop_assert!(x.iter().all(|v| a.contains_value(*v)));
            prop_assert_eq!(a.contains_value(30), x.contains(&30));
            prop_assert_eq!(a == b, x == y);
        }

        #[test]
        fn every_result_is_in_normal_form((a, _) in model(), (b, _) in model()) {
            for result in [a.union(&b), a.intersection(&b), a.difference(&b)] {
                let again = Ranges::new(result.as_slice().iter().map(|r| (r.begin, r.end)));
                prop_assert_eq!(again, Ok(result));
            }
        }
    }
}
