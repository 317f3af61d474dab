//! [`Share`]: a dominant share over a weight, as an exact fraction; [`Amounts`]: what it is made of.

use super::weight::Weight;
use meseta_api::resources::{Entry, ResourceName, Resources, Scalar, ScalarQuantities};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Scalar amounts in thousandths, one place per resource name as numbered by [`Measure`].
///
/// 128 bits, since no memory holds the agents whose 63-bit amounts would overflow them: sums need
/// no check.
#[derive(Clone, Debug, Default)]
pub(super) struct Amounts(Vec<u128>);

impl Amounts {
    pub(super) fn add(&mut self, other: &Amounts) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine += theirs;
        }
    }

    /// Takes away what was added before. The ledger refuses to give back what is not held, so
    /// less than zero would be a defect here; it ends at zero.
    pub(super) fn subtract(&mut self, other: &Amounts) {
        debug_assert!(other.0.iter().enumerate().all(|(i, n)| *n <= self.at(i)));
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.saturating_sub(*theirs);
        }
    }

    /// What is more than `other`, name by name.
    pub(super) fn without(&self, other: &Amounts) -> Amounts {
        let amounts = self.0.iter().enumerate();
        Amounts(amounts.map(|(i, amount)| amount.saturating_sub(other.at(i))).collect())
    }

    /// Whether no name's amount is less than `other`'s.
    pub(super) fn contains(&self, other: &Amounts) -> bool {
        other.0.iter().enumerate().all(|(i, amount)| *amount <= self.at(i))
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.iter().all(|amount| *amount == 0)
    }

    fn at(&self, index: usize) -> u128 {
        self.0.get(index).copied().unwrap_or(0)
    }
}

/// Equal if every name's amount is; trailing zeros do not count.
impl PartialEq for Amounts {
    fn eq(&self, other: &Self) -> bool {
        (0..self.0.len().max(other.0.len())).all(|i| self.at(i) == other.at(i))
    }
}

/// Turns resources into [`Amounts`]: numbers resource names in the order in which they are first
/// seen. Names come from agents' operators, so there are few, and none is ever forgotten.
#[derive(Debug, Default)]
pub(super) struct Measure {
    names: BTreeMap<ResourceName, usize>,
    excluded: Vec<ResourceName>,
}

impl Measure {
    /// A measure that overlooks the names in `excluded`.
    pub(super) fn without(excluded: Vec<ResourceName>) -> Self {
        Measure { names: BTreeMap::new(), excluded }
    }

    /// The scalar amounts of `resources`. Linear: the amounts of a sum are the sum of the amounts.
    /// That is why shared volumes, which are counted in copies of one amount, do not count.
    pub(super) fn amounts(&mut self, resources: &Resources) -> Amounts {
        self.amounts_of(resources)
    }

    /// The same of some entries.
    pub(super) fn amounts_of<'a>(
        &mut self,
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Amounts {
        let mut amounts = Amounts::default();
        for entry in entries.into_iter().filter(|entry| !entry.is_shared()) {
            let Some(scalar) = entry.value().scalar() else {
                continue;
            };
            if self.excluded.contains(entry.name()) {
                continue;
            }
            let index = self.number(entry.name());
            if amounts.0.len() <= index {
                amounts.0.resize(index + 1, 0);
            }
            let millis = u128::from(scalar.millis().unsigned_abs());
            amounts.0[index] += millis * u128::from(entry.copies());
        }
        amounts
    }

    /// The same of plain amounts.
    pub(super) fn quantities(&mut self, quantities: &ScalarQuantities) -> Amounts {
        let mut amounts = Amounts::default();
        for (name, amount) in quantities.iter() {
            let index = self.number(name);
            if amounts.0.len() <= index {
                amounts.0.resize(index + 1, 0);
            }
            amounts.0[index] += u128::from(amount.millis().unsigned_abs());
        }
        amounts
    }

    /// One name's amount, or the largest that there is.
    pub(super) fn amount(&self, amounts: &Amounts, name: &ResourceName) -> Scalar {
        let millis = self.names.get(name).map_or(0, |index| amounts.at(*index));
        let millis = i64::try_from(millis).unwrap_or(i64::MAX);
        Scalar::from_millis(millis).unwrap_or_default()
    }

    /// All names that were seen.
    pub(super) fn names(&self) -> impl Iterator<Item = &ResourceName> {
        self.names.keys()
    }

    pub(super) fn number(&mut self, name: &ResourceName) -> usize {
        if let Some(number) = self.names.get(name) {
            return *number;
        }
        let number = self.names.len();
        self.names.insert(name.clone(), number);
        number
    }
}

/// The fraction of the cluster that somebody holds, of the resource where that fraction is the
/// greatest, divided by a weight. Two shares compare exactly, whatever the amounts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    held: u128,
    /// Never zero.
    of: u128,
}

impl Share {
    pub(super) const ZERO: Share = Share { held: 0, of: 1 };

    /// The dominant share of `held` in `cluster`. A name of which the cluster has nothing does not
    /// count: it can be held only of agents that are overcommitted.
    pub(super) fn dominant(held: &Amounts, cluster: &Amounts, weight: Weight) -> Share {
        let names = held.0.iter().zip(&cluster.0);
        names
            .filter(|(held, of)| **held > 0 && **of > 0)
            .map(|(held, of)| Share {
                held: *held,
                of: of.saturating_mul(u128::from(weight.thousandths())),
            })
            .max()
            .unwrap_or(Share::ZERO)
    }
}

impl Share {
    /// For people: over a weight of 1 it is the fraction itself.
    pub(super) fn to_f64(self) -> f64 {
        self.held as f64 * f64::from(Weight::DEFAULT.thousandths()) / self.of as f64
    }
}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        wide_product(self.held, other.of).cmp(&wide_product(other.held, self.of))
    }
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Share {}

/// `a * b` in 256 bits: the upper and the lower half.
fn wide_product(a: u128, b: u128) -> (u128, u128) {
    // Every cluster that exists fits here.
    if let (Ok(a), Ok(b)) = (u64::try_from(a), u64::try_from(b)) {
        return (0, u128::from(a) * u128::from(b));
    }
    const LOW: u128 = u64::MAX as u128;
    let (a_high, a_low) = (a >> 64, a & LOW);
    let (b_high, b_low) = (b >> 64, b & LOW);
    let low = a_low * b_low;
    let cross = a_high * b_low + (low >> 64); // at most (2^64-1)^2 + 2^64-1: fits
    let middle = a_low * b_high + (cross & LOW); // the same bound
    let high = a_high * b_high + (cross >> 64) + (middle >> 64);
    (high, (middle << 64) | (low & LOW))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amounts(thousandths: &[u64]) -> Amounts {
        Amounts(thousandths.iter().map(|n| u128::from(*n)).collect())
    }

    fn share(held: &[u64], cluster: &[u64], weight: u32) -> Share {
        let weight = Weight::from_thousandths(weight).unwrap();
        Share::dominant(&amounts(held), &amounts(cluster), weight)
    }

    #[test]
    fn the_greatest_fraction_dominates() {
        let cluster = [100, 1000];
        // 10 % of the first, 5 % of the second.
        assert_eq!(share(&[10, 50], &cluster, 1000), share(&[10], &cluster, 1000));
        assert!(share(&[10, 200], &cluster, 1000) > share(&[19, 0], &cluster, 1000));
        assert_eq!(share(&[], &cluster, 1000), Share::ZERO);
    }

    #[test]
    fn a_weight_divides() {
        let cluster = [100];
        assert_eq!(share(&[20], &cluster, 2000), share(&[10], &cluster, 1000));
        assert!(share(&[21], &cluster, 2000) > share(&[10], &cluster, 1000));
    }

    #[test]
    fn a_name_that_the_cluster_lacks_does_not_count() {
        assert_eq!(share(&[5], &[0], 1000), Share::ZERO);
        assert_eq!(share(&[0, 5], &[7], 1000), Share::ZERO);
    }

    #[test]
    fn thirds_are_exact_where_doubles_are_not() {
        // 1/3 against (2^53 + 1)/(3 * 2^53): equal as doubles.
        let big = 1u64 << 53;
        let third = Share { held: 1, of: 3 };
        let more = Share { held: u128::from(big) + 1, of: 3 * u128::from(big) };
        assert_eq!(1.0 / 3.0, (big as f64 + 1.0) / (3.0 * big as f64));
        assert!(third < more);
    }

    proptest! {
        /// (a + 1) * (b + 1) = a * b + a + b + 1 ties the wide path to itself and to the narrow one.
        #[test]
        fn wide_products_obey_the_binomial(a in 0..u128::MAX, b in 0..u128::MAX) {
            let (high, low) = wide_product(a, b);
            let mut expected = (high, low);
            for term in [a, b, 1] {
                let (sum, carry) = expected.1.overflowing_add(term);
                expected = (expected.0 + u128::from(carry), sum);
            }
            prop_assert_eq!(wide_product(a + 1, b + 1), expected);
        }
    }
}
