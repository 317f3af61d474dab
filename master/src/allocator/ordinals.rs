//! Dense ordinals instead of ids: [`Table`] gives each key a small number and keeps its row there.
//!
//! Ids are strings; they are looked up once where an event enters, and inside the allocator
//! everything refers to everything by ordinal. The ordinal of a removed row is used again, so
//! whoever removes a row also removes every reference to it. `core.rs` and `roster.rs` do.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// A number that stands for a row of one [`Table`].
pub(super) trait Ordinal: Copy {
    fn at(index: usize) -> Self;
    fn index(self) -> usize;
}

macro_rules! ordinal {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) struct $name(u32);

        impl Ordinal for $name {
            fn at(index: usize) -> Self {
                // A table outgrows memory long before four billion rows.
                $name(u32::try_from(index).unwrap_or(u32::MAX))
            }

            fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

ordinal!(
    /// An agent.
    AgentOrd
);
ordinal!(
    /// A framework.
    FrameworkOrd
);
ordinal!(
    /// A role.
    RoleOrd
);
ordinal!(
    /// A client: one framework in one role.
    ClientOrd
);

/// Rows by key and by ordinal.
#[derive(Clone, Debug)]
pub(super) struct Table<O, K, V> {
    ordinals: BTreeMap<K, usize>,
    rows: Vec<Option<(K, V)>>,
    vacant: Vec<usize>,
    kind: PhantomData<O>,
}

impl<O: Ordinal, K: Ord + Clone, V> Table<O, K, V> {
    pub(super) fn new() -> Self {
        Table { ordinals: BTreeMap::new(), rows: Vec::new(), vacant: Vec::new(), kind: PhantomData }
    }

    pub(super) fn find(&self, key: &K) -> Option<O> {
        self.ordinals.get(key).copied().map(O::at)
    }

    /// The key's ordinal; a key that is new gets the row that `make` makes.
    pub(super) fn find_or_insert_with(&mut self, key: &K, make: impl FnOnce() -> V) -> O {
        if let Some(found) = self.find(key) {
            return found;
        }
        let row = Some((key.clone(), make()));
        let index = match self.vacant.pop() {
            Some(index) => {
                self.rows[index] = row;
                index
            }
            None => {
                self.rows.push(row);
                self.rows.len() - 1
            }
        };
        self.ordinals.insert(key.clone(), index);
        O::at(index)
    }

    pub(super) fn remove(&mut self, ordinal: O) -> Option<V> {
        let (key, row) = self.rows.get_mut(ordinal.index())?.take()?;
        self.ordinals.remove(&key);
        self.vacant.push(ordinal.index());
        Some(row)
    }

    /// None if the row was removed.
    pub(super) fn get(&self, ordinal: O) -> Option<&V> {
        let (_, row) = self.rows.get(ordinal.index())?.as_ref()?;
        Some(row)
    }

    /// The key of a row. Panics as indexing does.
    pub(super) fn key(&self, ordinal: O) -> &K {
        match &self.rows[ordinal.index()] {
            Some((key, _)) => key,
            None => panic!("ordinal {} is vacant", ordinal.index()),
        }
    }

    /// How many rows there are.
    pub(super) fn count(&self) -> usize {
        self.rows.len() - self.vacant.len()
    }

    /// All rows in the order of their ordinals.
    pub(super) fn iter(&self) -> impl Iterator<Item = (O, &K, &V)> {
        let rows = self.rows.iter().enumerate();
        rows.filter_map(|(index, row)| row.as_ref().map(|(key, row)| (O::at(index), key, row)))
    }
}

/// Panics on the ordinal of a removed row: that is a defect of the allocator, never of its input.
impl<O: Ordinal, K, V> Index<O> for Table<O, K, V> {
    type Output = V;

    fn index(&self, ordinal: O) -> &V {
        match &self.rows[ordinal.index()] {
            Some((_, row)) => row,
            None => panic!("ordinal {} is vacant", ordinal.index()),
        }
    }
}

impl<O: Ordinal, K, V> IndexMut<O> for Table<O, K, V> {
    fn index_mut(&mut self, ordinal: O) -> &mut V {
        match &mut self.rows[ordinal.index()] {
            Some((_, row)) => row,
            None => panic!("ordinal {} is vacant", ordinal.index()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_stay_until_removed_and_are_used_again() {
        let mut table: Table<AgentOrd, &str, u8> = Table::new();
        let a = table.find_or_insert_with(&"a", || 1);
        let b = table.find_or_insert_with(&"b", || 2);
        assert_eq!(table.find_or_insert_with(&"a", || 9), a);
        assert_eq!((table[a], table[b]), (1, 2));

        assert_eq!(table.remove(a), Some(1));
        assert_eq!((table.find(&"a"), table.get(a)), (None, None));
        assert_eq!(table.remove(a), None);

        let c = table.find_or_insert_with(&"c", || 3);
        assert_eq!(c, a);
        assert_eq!(*table.key(c), "c");
        let keys: Vec<_> = table.iter().map(|(_, key, _)| *key).collect();
        assert_eq!(keys, ["c", "b"]);
    }
}
