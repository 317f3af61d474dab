//! The numbers of the routes that one side of a connection sends by.
//!
//! A full table gives the oldest number to the newest route, whoever uses it: so it stays bounded
//! however many processes come and go, and both sides need no word about it. In front of the table
//! stands a small cache by where the names lie in memory, since a process sends by few routes and
//! many times; it changes no number.

use crate::id::ProcessId;
use crate::wire::{Names, MAX_ROUTES};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The cache has two to this power slots.
const CACHE_BITS: u32 = 6;

/// A route, as this node's processes know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way<'a> {
    pub(crate) to: &'a ProcessId,
    pub(crate) from: &'a ProcessId,
    pub(crate) wire: &'static str,
    pub(crate) variant: &'static str,
}

/// A [`Way`] that is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kept {
    to: ProcessId,
    from: ProcessId,
    wire: &'static str,
    variant: &'static str,
}

impl Kept {
    pub(super) fn way(&self) -> Way<'_> {
        Way { to: &self.to, from: &self.from, wire: self.wire, variant: self.variant }
    }
}

impl<'a> Way<'a> {
    pub(super) fn names(&self) -> Names<'a> {
        let (to, from) = (self.to.as_str(), self.from.as_str());
        Names { to, from, wire: self.wire, variant: self.variant }
    }

    pub(super) fn keep(&self) -> Kept {
        let (to, from) = (self.to.clone(), self.from.clone());
        Kept { to, from, wire: self.wire, variant: self.variant }
    }

    fn slot(&self) -> usize {
        let at = |text: &str| text.as_ptr() as usize;
        let mixed = at(self.to.as_str())
            ^ at(self.from.as_str()).rotate_left(16)
            ^ at(self.wire).rotate_left(32)
            ^ at(self.variant).rotate_left(48);
        mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize) >> (usize::BITS - CACHE_BITS)
    }

    fn is_same(&self, kept: &Kept) -> bool {
        let same = |a: &'static str, b: &'static str| std::ptr::eq(a, b);
        self.to.is_same(&kept.to)
            && self.from.is_same(&kept.from)
            && same(self.wire, kept.wire)
            && same(self.variant, kept.variant)
    }
}

struct Entry {
    way: Arc<Kept>,
    /// The stream of its receiver.
    stream: usize,
    /// A frame that names it was queued.
    named: bool,
}

/// Numbers by route; they begin at 1.
#[derive(Default)]
pub(super) struct Numbers {
    entries: Vec<Entry>,
    oldest: usize,
    by_way: BTreeMap<Arc<Kept>, u32>,
    /// Numbers, 0 for none; empty until the first route.
    cache: Vec<u32>,
}

/// A route's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbered {
    pub(super) number: u32,
    pub(super) stream: usize,
    pub(super) named: bool,
}

impl Numbers {
    pub(super) fn find(&mut self, way: &Way<'_>) -> Option<Numbered> {
        let slot = way.slot();
        let cached = self.cache.get(slot).copied().unwrap_or(0);
        if let Some(entry) = self.entry(cached).filter(|entry| way.is_same(&entry.way)) {
            return Some(Numbered { number: cached, stream: entry.stream, named: entry.named });
        }
        let number = *self.by_way.get(&way.keep())?;
        if let Some(cached) = self.cache.get_mut(slot) {
            // The table keeps the names of the first who used the route: only they hit.
            *cached = number;
        }
        let entry = self.entry(number)?;
        Some(Numbered { number, stream: entry.stream, named: entry.named })
    }

    /// Gives a new route a number; and the stream of the route that lost it.
    pub(super) fn add(&mut self, way: &Way<'_>, stream: usize) -> (Numbered, Option<usize>) {
        if self.cache.is_empty() {
            self.cache = vec![0; 1 << CACHE_BITS];
        }
        let way = Arc::new(way.keep());
        let (slot, entry) = (way.way().slot(), Entry { way: way.clone(), stream, named: false });
        let (at, lost) = if self.entries.len() < MAX_ROUTES as usize {
            self.entries.push(entry);
            (self.entries.len() - 1, None)
        } else {
            let at = self.oldest;
            self.oldest = (at + 1) % self.entries.len();
            let lost = std::mem::replace(&mut self.entries[at], entry);
            self.by_way.remove(&lost.way);
            (at, Some(lost.stream))
        };
        // There are at most MAX_ROUTES entries.
        let number = at as u32 + 1;
        self.cache[slot] = number;
        self.by_way.insert(way, number);
        (Numbered { number, stream, named: false }, lost)
    }

    /// The frame that names it will be written.
    pub(super) fn named(&mut self, number: u32) {
        let at = (number as usize).checked_sub(1);
        if let Some(entry) = at.and_then(|at| self.entries.get_mut(at)) {
            entry.named = true;
        }
    }

    /// The names of a number that was just found.
    pub(super) fn kept(&self, number: u32) -> Option<Arc<Kept>> {
        self.entry(number).map(|entry| entry.way.clone())
    }

    fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries.get((number as usize).checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> ProcessId {
        ProcessId::new(name).unwrap()
    }

    fn way<'a>(to: &'a ProcessId, from: &'a ProcessId) -> Way<'a> {
        Way { to, from, wire: "w", variant: "v" }
    }

    #[test]
    fn a_route_keeps_its_number_by_name_and_by_place() {
        let mut numbers = Numbers::default();
        let (to, from) = (id("to"), id("from"));
        assert_eq!(numbers.find(&way(&to, &from)), None);
        let (first, _) = numbers.add(&way(&to, &from), 5);
        assert_eq!(first, Numbered { number: 1, stream: 5, named: false });
        numbers.named(1);
        for to in [&to, &id("to"), &to.clone()] {
            let again = Numbered { number: 1, stream: 5, named: true };
            assert_eq!(numbers.find(&way(to, &from)), Some(again));
        }
        let other_variant = Way { variant: "x", ..way(&to, &from) };
        assert_eq!(numbers.find(&other_variant), None);
    }

    #[test]
    fn a_full_table_gives_the_oldest_number_away() {
        let mut numbers = Numbers::default();
        let (max, from) = (MAX_ROUTES as usize, id("from"));
        let ids: Vec<_> = (0..=max).map(|n| id(&format!("p{n}"))).collect();
        for (n, to) in ids.iter().enumerate().take(max) {
            assert_eq!(numbers.add(&way(to, &from), n).1, None);
            numbers.named(n as u32 + 1);
        }
        let (newest, lost) = numbers.add(&way(&ids[max], &from), max);
        assert_eq!((newest, lost), (Numbered { number: 1, stream: max, named: false }, Some(0)));
        assert_eq!(numbers.find(&way(&ids[0], &from)), None);
        assert_eq!(numbers.add(&way(&ids[0], &from), 0).0.number, 2);
        assert_eq!(numbers.find(&way(&ids[2], &from)).map(|found| found.number), Some(3));
        assert_eq!(numbers.entries.len(), max);
        assert_eq!(numbers.by_way.len(), max);
    }
}
