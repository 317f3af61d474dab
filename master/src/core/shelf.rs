//! [`Shelf`]: an ordered map that is copied in next to no time; [`Kept`]: a value that copies share.
//!
//! Readers look at the master's state on other threads, at one moment of it ([`super::snapshot`]).
//! So the state is kept in blocks of up to [`WIDEST`] entries behind reference counts: a copy
//! shares all of them, and whoever changes an entry afterwards copies its block, that is, the
//! counts of its entries, and the entry. Nothing is copied while no copy is alive.
//!
//! A block that was not changed is the same allocation as before. Readers keep what they made of
//! a block by that ([`Shelf::blocks`]), with a weak reference, which costs the state nothing: an
//! allocation that somebody refers to weakly is never changed in place nor used again.

use std::collections::{btree_map, BTreeMap};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Entries in a block. A change costs readers the block anew, and a copy of the map costs each
/// block: at 64, a thousand changes among 100,000 entries leave nine of ten entries untouched, and
/// a copy of those is about two thousand counts.
const WIDEST: usize = 64;

/// A block of fewer is put together with its neighbour if both fit.
const SPARSE: usize = WIDEST / 4;

/// Entries in the order of their keys.
pub type Block<K, V> = Vec<(K, V)>;

/// A value that copies share until one changes it.
#[derive(Default, PartialEq, Eq)]
pub struct Kept<T>(Arc<T>);

impl<T> Kept<T> {
    /// Keeps a value.
    pub fn new(value: T) -> Self {
        Kept(Arc::new(value))
    }

    /// The value; a copy of it if it is shared.
    pub fn into_inner(self) -> T
    where
        T: Clone,
    {
        Arc::unwrap_or_clone(self.0)
    }

    /// What readers may hold on to.
    pub fn shared(&self) -> &Arc<T> {
        &self.0
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Kept(self.0.clone())
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> DerefMut for Kept<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}

impl<T: fmt::Debug> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An ordered map; see the module.
#[derive(Clone)]
pub struct Shelf<K, V> {
    /// Each by a key that is not above its first and above all of the block before. None is empty.
    blocks: BTreeMap<K, Arc<Block<K, V>>>,
    len: usize,
}

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Shelf { blocks: BTreeMap::new(), len: 0 }
    }
}

impl<K: Ord + Clone, V: Clone> Shelf<K, V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The blocks, in order.
    pub fn blocks(&self) -> impl Iterator<Item = &Arc<Block<K, V>>> {
        self.blocks.values()
    }

    /// All entries, in order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { blocks: self.blocks.values(), entries: [].iter() }
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The greatest key.
    pub fn last_key(&self) -> Option<&K> {
        let (_, block) = self.blocks.last_key_value()?;
        block.last().map(|(key, _)| key)
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let (_, block) = self.blocks.range(..=key).next_back()?;
        let at = find(block, key).ok()?;
        Some(&block[at].1)
    }

    /// Whether a key is there.
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let (_, block) = self.blocks.range_mut(..=key).next_back()?;
        let at = find(block, key).ok()?;
        Some(&mut Arc::make_mut(block)[at].1)
    }

    /// Sets the value of a key and gives back what it was.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let Some(place) = self.place(&key) else {
            self.blocks.insert(key.clone(), Arc::new(vec![(key, value)]));
            self.len += 1;
            return None;
        };
        // Just taken from the map.
        let block = self.blocks.get_mut(&place)?;
        let at = match find(block, &key) {
            Ok(at) => {
                let was = &mut Arc::make_mut(block)[at].1;
                return Some(std::mem::replace(was, value));
            }
            Err(at) => at,
        };
        self.len += 1;
        if block.len() < WIDEST {
            Arc::make_mut(block).insert(at, (key, value));
            return None;
        }
        if at == WIDEST {
            // Keys that grow fill their blocks.
            self.blocks.insert(key.clone(), Arc::new(vec![(key, value)]));
            return None;
        }
        let first = Arc::make_mut(block);
        let mut second = first.split_off(WIDEST / 2);
        match at.checked_sub(WIDEST / 2) {
            Some(at) if at > 0 => second.insert(at, (key, value)),
            _ => first.insert(at, (key, value)),
        }
        if let Some((key, _)) = second.first() {
            self.blocks.insert(key.clone(), Arc::new(second));
        }
        None
    }

    /// The key of the block that a new key belongs to; none while there are no blocks.
    fn place(&mut self, key: &K) -> Option<K> {
        if let Some((place, _)) = self.blocks.range(..=key).next_back() {
            return Some(place.clone());
        }
        let (_, block) = self.blocks.pop_first()?;
        self.blocks.insert(key.clone(), block);
        Some(key.clone())
    }

    /// Takes a key out and gives back its value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let (place, block) = self.blocks.range_mut(..=key).next_back()?;
        let at = find(block, key).ok()?;
        let (_, value) = Arc::make_mut(block).remove(at);
        self.len -= 1;
        let left = block.len();
        if left < SPARSE {
            let place = place.clone();
            self.tidy(&place, left);
        }
        Some(value)
    }

    /// Takes the first entry out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let key = self.keys().next()?.clone();
        let value = self.remove(&key)?;
        Some((key, value))
    }

    /// Drops a block that is empty, or puts it behind the one before it.
    fn tidy(&mut self, place: &K, left: usize) {
        if left == 0 {
            self.blocks.remove(place);
            return;
        }
        let before = self.blocks.range(..place).next_back();
        let room = before.is_some_and(|(_, block)| block.len() + left <= WIDEST / 2);
        if !room {
            return;
        }
        let Some(sparse) = self.blocks.remove(place) else {
            return;
        };
        if let Some((_, block)) = self.blocks.range_mut(..place).next_back() {
            Arc::make_mut(block).extend(Arc::unwrap_or_clone(sparse));
        }
    }
}

fn find<K: Ord, V>(block: &Block<K, V>, key: &K) -> Result<usize, usize> {
    block.binary_search_by(|(other, _)| other.cmp(key))
}

/// Entries in the order of their keys.
pub struct Iter<'a, K, V> {
    blocks: btree_map::Values<'a, K, Arc<Block<K, V>>>,
    entries: std::slice::Iter<'a, (K, V)>,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.entries.next() {
                return Some((key, value));
            }
            self.entries = self.blocks.next()?.iter();
        }
    }
}

impl<'a, K: Ord + Clone, V: Clone> IntoIterator for &'a Shelf<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Ord + Clone + PartialEq, V: Clone + PartialEq> PartialEq for Shelf<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Ord + Clone + fmt::Debug, V: Clone + fmt::Debug> fmt::Debug for Shelf<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Map = Shelf<u16, Kept<u32>>;

    /// What the module says of blocks.
    fn check(map: &Map) {
        let mut last = None;
        for (place, block) in &map.blocks {
            assert!(!block.is_empty() && block.len() <= WIDEST);
            assert!(*place <= block[0].0 && last < Some(*place));
            assert!(block.windows(2).all(|pair| pair[0].0 < pair[1].0));
            last = block.last().map(|(key, _)| *key);
        }
        assert_eq!(map.len, map.blocks.values().map(|block| block.len()).sum::<usize>());
    }

    proptest! {
        #[test]
        fn it_is_an_ordered_map_and_a_copy_stays_as_it_was(
            steps in proptest::collection::vec((0u8..5, 0u16..400, any::<u32>()), 0..1500),
        ) {
            let (mut map, mut model) = (Map::default(), BTreeMap::new());
            let mut copy = (map.clone(), model.clone());
            for (step, key, value) in steps {
                match step {
                    0 | 1 => prop_assert_eq!(
                        map.insert(key, Kept::new(value)).map(|was| *was),
                        model.insert(key, value)
                    ),
                    2 => prop_assert_eq!(map.remove(&key).map(|was| *was), model.remove(&key)),
                    3 => match (map.get_mut(&key), model.get_mut(&key)) {
                        (Some(kept), Some(known)) => (**kept, *known) = (value, value),
                        (kept, known) => prop_assert_eq!(kept.is_some(), known.is_some()),
                    },
                    _ if value % 64 == 0 => copy = (map.clone(), model.clone()),
                    _ => {}
                }
                check(&map);
            }
            prop_assert!(map.iter().map(|(k, v)| (*k, **v)).eq(model.iter().map(|(k, v)| (*k, *v))));
            let (map, model) = copy;
            prop_assert!(map.iter().map(|(k, v)| (*k, **v)).eq(model.iter().map(|(k, v)| (*k, *v))));
        }
    }

    #[test]
    fn keys_that_grow_fill_their_blocks_and_the_first_goes_first() {
        let mut map = Map::default();
        for key in 0..1000 {
            map.insert(key, Kept::new(0));
        }
        assert_eq!(map.blocks.len(), 1000usize.div_ceil(WIDEST));
        for key in 0..990 {
            assert_eq!(map.pop_first().map(|(first, _)| first), Some(key));
            check(&map);
        }
        assert_eq!(map.blocks.len(), 1);
    }

    #[test]
    fn a_block_is_the_same_until_it_is_changed() {
        let mut map = Map::default();
        for key in 0..200 {
            map.insert(key, Kept::new(0));
        }
        let blocks: Vec<_> = map.blocks().map(Arc::downgrade).collect();
        if let Some(value) = map.get_mut(&70) {
            **value = 1;
        }
        let same = |(now, was): (&Arc<_>, &std::sync::Weak<_>)| {
            was.upgrade().is_some_and(|was| Arc::ptr_eq(now, &was))
        };
        let same: Vec<bool> = map.blocks().zip(&blocks).map(same).collect();
        assert_eq!(same, [true, false, true, true]);
    }
}
