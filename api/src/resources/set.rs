//! Sets of strings, such as the names of devices.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::error::SetError;

/// Most items in one set, for the reason of [`super::MAX_RANGES`].
pub const MAX_SET_ITEMS: usize = 65_536;

/// Items come from outside; more of one than this is not repeated in an error.
const MAX_SHOWN_CHARS: usize = 64;

/// A set of strings, sorted by bytes. Clones share the memory; operations are linear in the items.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Set(Arc<[Arc<str>]>);

impl Set {
    /// Refuses an item given twice, and more than [`MAX_SET_ITEMS`] items.
    pub fn new<'a>(items: impl IntoIterator<Item = &'a str>) -> Result<Self, SetError> {
        let mut sorted = BTreeSet::new();
        for item in items {
            if sorted.len() == MAX_SET_ITEMS {
                return Err(SetError::TooMany);
            }
            if !sorted.insert(item) {
                return Err(SetError::Duplicate {
                    item: item.chars().take(MAX_SHOWN_CHARS).collect(),
                });
            }
        }
        Ok(Self(sorted.into_iter().map(Arc::from).collect()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The items, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|item| &**item)
    }

    /// Whether every item of `other` is in `self`.
    pub fn contains(&self, other: &Set) -> bool {
        self.matching(other).count() == other.len()
    }

    pub fn union(&self, other: &Set) -> Set {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut all = Vec::with_capacity(self.len().max(other.len()));
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let order = a.cmp(b);
            let item = if order.is_gt() { right.next() } else { left.next() };
            all.extend(item.cloned());
            if order.is_eq() {
                right.next();
            }
        }
        all.extend(left.chain(right).cloned());
        Set(all.into())
    }

    /// What is in both.
    pub fn intersection(&self, other: &Set) -> Set {
        Set(self.matching(other).cloned().collect())
    }

    /// What is in `self` and not in `other`.
    pub fn difference(&self, other: &Set) -> Set {
        let mut right = other.0.iter().peekable();
        let absent = |item: &&Arc<str>| {
            while right.next_if(|other| other < item).is_some() {}
            right.peek() != Some(item)
        };
        Set(self.0.iter().filter(absent).cloned().collect())
    }

    /// The union of two sets without a common item; the common ones otherwise.
    pub fn disjoint_union(&self, other: &Set) -> Result<Set, Set> {
        let common = self.intersection(other);
        if common.is_empty() {
            Ok(self.union(other))
        } else {
            Err(common)
        }
    }

    /// The items of `self` that are in `other`, ascending.
    fn matching<'a>(&'a self, other: &'a Set) -> impl Iterator<Item = &'a Arc<str>> {
        let mut right = other.0.iter().peekable();
        self.0.iter().filter(move |item| loop {
            match right.peek().map(|other| other.cmp(item)) {
                Some(Ordering::Less) => right.next(),
                Some(Ordering::Equal) => break true,
                Some(Ordering::Greater) | None => break false,
            };
        })
    }
}

/// `{a,b}`, escaped, since a client chose the bytes.
impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, item) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{}", item.escape_debug())?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Set{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refusals() {
        assert_eq!(Set::new(["a", "b", "a"]), Err(SetError::Duplicate { item: "a".into() }));
        let many: Vec<String> = (0..1_000_000).map(|n| n.to_string()).collect();
        assert_eq!(Set::new(many.iter().map(|s| &**s)), Err(SetError::TooMany));
        assert_eq!(
            Set::new(std::iter::repeat_n("a", 1_000_000)),
            Err(SetError::Duplicate { item: "a".into() })
        );
    }

    #[test]
    fn display_is_sorted_and_escaped() {
        assert_eq!(Set::new(["b", "a"]).unwrap().to_string(), "{a,b}");
        assert_eq!(Set::new(["\u{1b}[31m"]).unwrap().to_string(), "{\\u{1b}[31m}");
    }

    fn model() -> impl Strategy<Value = (Set, BTreeSet<String>)> {
        prop::collection::btree_set("[a-h]{1,2}", 0..12)
            .prop_map(|items| (Set::new(items.iter().map(|s| &**s)).unwrap(), items))
    }

    proptest! {
        #[test]
        fn agrees_with_a_btree_set((a, x) in model(), (b, y) in model()) {
            let items = |s: Set| s.iter().map(str::to_owned).collect::<BTreeSet<_>>();
            prop_assert_eq!(items(a.union(&b)), &x | &y);
            prop_assert_eq!(items(a.intersection(&b)), &x & &y);
            prop_assert_eq!(items(a.difference(&b)), &x - &y);
            prop_assert_eq!(a.contains(&b), y.is_subset(&x));
            prop_assert_eq!(a.disjoint_union(&b).is_ok(), x.is_disjoint(&y));
            prop_assert_eq!(a == b, x == y);
        }
    }
}
