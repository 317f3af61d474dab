//! Adding, subtracting and comparing resources, and changing what whole collections are.
//!
//! Both operands are sorted by key, so each operation is one walk over both.

use std::cmp::Ordering;

use crate::ids::Role;

use super::entry::Entry;
use super::error::{AddError, MissingResource, ReservationError, ReserveError};
use super::reservation::{Reservation, ReservationStack};
use super::scalar::Scalar;
use super::value::ValueAddError;
use super::Resources;

/// How two entries of one key become one.
#[derive(Clone, Copy)]
enum Sum {
    /// Ranges and sets must be disjoint, so that a subtraction takes the sum apart again.
    Exact,
    /// Ranges and sets unite.
    Union,
}

impl Resources {
    /// The sum of `entries`, in any order.
    pub fn from_entries(entries: impl IntoIterator<Item = Entry>) -> Result<Self, AddError> {
        let entries = entries.into_iter();
        let mut present = Vec::with_capacity(entries.size_hint().1.unwrap_or(0));
        present.extend(entries.filter(|entry| !entry.is_empty()));
        present.sort_by(Entry::key_cmp);
        if present.is_sorted_by(|a, b| a.key_cmp(b).is_lt()) {
            return Self::from_sorted(present);
        }
        let same_key = present.chunk_by(|a, b| a.key_cmp(b).is_eq());
        let sums: Result<Vec<Entry>, AddError> = same_key.map(sum_of_key).collect();
        Self::from_sorted(sums?)
    }

    /// The same resources in as little memory as there is: what of them is equal in `like`, such
    /// as the offer that a task is taken out of, is shared with it.
    pub fn sharing(self, like: &Resources) -> Resources {
        let share = |entry: Entry| {
            let equal = like.iter().find(|of| of.descriptor() == entry.descriptor());
            match equal {
                Some(like) => entry.sharing(like),
                None => entry,
            }
        };
        let mut entries: Vec<Entry> = self.entries.into_iter().map(share).collect();
        entries.shrink_to_fit();
        Resources { entries }
    }

    /// The sum of resources of one agent. Fails if an amount overflows, or if a port or an item is
    /// on both sides: it would be given out twice. `(a + b) - b` is `a`.
    pub fn checked_add(&self, other: &Resources) -> Result<Resources, AddError> {
        self.sum(other, Sum::Exact)
    }

    /// The sum of resources of several agents, for people to read: ranges and sets unite, so
    /// nothing can be subtracted from it.
    pub fn checked_merge(&self, other: &Resources) -> Result<Resources, AddError> {
        self.sum(other, Sum::Union)
    }

    /// Adds in place; on failure nothing has changed.
    pub fn checked_add_assign(&mut self, other: &Resources) -> Result<(), AddError> {
        *self = self.checked_add(other)?;
        Ok(())
    }

    /// What is left without `other`; the error names the first entry that `self` lacks.
    pub fn checked_sub(&self, other: &Resources) -> Result<Resources, MissingResource> {
        let mut rest = Vec::with_capacity(self.entries.len());
        let mut mine = self.entries.iter();
        for wanted in &other.entries {
            let found = loop {
                match mine.next() {
                    Some(entry) => match entry.key_cmp(wanted) {
                        Ordering::Less => rest.push(entry.clone()),
                        Ordering::Equal => break entry,
                        Ordering::Greater => return Err(missing(wanted, None)),
                    },
                    None => return Err(missing(wanted, None)),
                }
            };
            let left = subtract(found, wanted).ok_or_else(|| missing(wanted, Some(found)))?;
            rest.extend(Some(left).filter(|entry| !entry.is_empty()));
        }
        rest.extend(mine.cloned());
        Ok(Resources { entries: rest })
    }

    /// Subtracts in place; on failure nothing has changed.
    pub fn checked_sub_assign(&mut self, other: &Resources) -> Result<(), MissingResource> {
        *self = self.checked_sub(other)?;
        Ok(())
    }

    /// Whether `other` can be subtracted.
    pub fn contains(&self, other: &Resources) -> bool {
        let mut mine = self.entries.iter();
        other.entries.iter().all(|wanted| {
            // `find` leaves the walk behind the first key not below the wanted one.
            mine.find(|entry| entry.key_cmp(wanted).is_ge())
                .is_some_and(|entry| entry.key_cmp(wanted).is_eq() && entry.covers(wanted))
        })
    }

    /// All of it allocated to `role`. Fails only if the same port or item was allocated to two
    /// roles before.
    pub fn allocate(&self, role: &Role) -> Result<Resources, AddError> {
        self.map(|entry| entry.clone().with_allocation(Some(role.clone())))
    }

    /// All of it allocated to nobody. Fails as [`Resources::allocate`] does.
    pub fn unallocate(&self) -> Result<Resources, AddError> {
        self.map(|entry| entry.clone().with_allocation(None))
    }

    /// All of it reserved once more, as RESERVE does. Fails on what cannot be reserved: revocable
    /// resources, persistent volumes, and reservations that this one does not refine.
    pub fn push_reservation(&self, reservation: &Reservation) -> Result<Resources, ReserveError> {
        self.restack(|stack| stack.push(reservation.clone()))
    }

    /// All of it without its most specific reservation, as UNRESERVE does. Fails if something is
    /// not reserved, or is a persistent volume.
    pub fn pop_reservation(&self) -> Result<Resources, ReserveError> {
        self.restack(|stack| match stack.pop() {
            Some(_) => Ok(()),
            None => Err(ReservationError::Unreserved),
        })
    }

    fn restack(
        &self,
        change: impl Fn(&mut ReservationStack) -> Result<(), ReservationError>,
    ) -> Result<Resources, ReserveError> {
        let restack_entry = |entry: &Entry| {
            if entry.is_persistent_volume() {
                return Err(ReservationError::HoldsVolume.into());
            }
            let mut descriptor = entry.descriptor().clone();
            change(&mut descriptor.reservations)?;
            entry.clone().with_descriptor(descriptor)
        };
        let changed: Result<Vec<Entry>, ReserveError> = self
            .iter()
            .map(|entry| {
                restack_entry(entry).map_err(|reason| ReserveError::Invalid {
                    resource: Box::new(entry.clone()),
                    reason,
                })
            })
            .collect();
        Ok(Self::from_entries(changed?)?)
    }

    /// The sum of what `change` makes of each entry.
    fn map(&self, change: impl Fn(&Entry) -> Entry) -> Result<Resources, AddError> {
        Self::from_entries(self.iter().map(change))
    }

    fn sum(&self, other: &Resources, sum: Sum) -> Result<Resources, AddError> {
        if other.is_empty() {
            return Ok(self.clone());
        }
        if self.is_empty() {
            return Ok(other.clone());
        }
        let mut sums = Vec::with_capacity(self.entries.len().max(other.entries.len()));
        let (mut left, mut right) = (self.entries.iter(), other.entries.iter());
        let (mut a, mut b) = (left.next(), right.next());
        while let (Some(x), Some(y)) = (a, b) {
            let order = x.key_cmp(y);
            sums.push(match order {
                Ordering::Less => x.clone(),
                Ordering::Equal => sum.of(x, y)?,
                Ordering::Greater => y.clone(),
            });
            if order.is_le() {
                a = left.next();
            }
            if order.is_ge() {
                b = right.next();
            }
        }
        sums.extend(a.into_iter().chain(left).cloned());
        sums.extend(b.into_iter().chain(right).cloned());
        Self::from_sorted(sums)
    }

    /// Checks the last invariant of the normal form: each name's amounts have a sum.
    fn from_sorted(entries: Vec<Entry>) -> Result<Self, AddError> {
        for same_name in entries.chunk_by(|a, b| a.name() == b.name()) {
            let amounts = same_name.iter().filter_map(|entry| entry.value().scalar());
            if Scalar::checked_sum(amounts).is_none() {
                return Err(overflow(&same_name[0]));
            }
        }
        Ok(Self { entries })
    }
}

impl Sum {
    /// The sum of two entries of one key.
    fn of(self, left: &Entry, right: &Entry) -> Result<Entry, AddError> {
        if left.is_indivisible() {
            let copies = left.copies().checked_add(right.copies());
            return Ok(left.clone().with_copies(copies.ok_or_else(|| overflow(left))?));
        }
        let value = match self {
            Sum::Exact => left.value().checked_add(right.value()),
            Sum::Union => left.value().checked_merge(right.value()),
        };
        match value {
            Ok(value) => Ok(left.clone().with_value(value)),
            Err(ValueAddError::Overlap(common)) => {
                Err(AddError::Overlap { name: left.name().clone(), common })
            }
            // Of one key are only values of one kind.
            Err(ValueAddError::Overflow | ValueAddError::DifferentKinds) => Err(overflow(left)),
        }
    }
}

/// The sum of one or more entries of one key. Sums of halves keep many ranges from being walked
/// once for each.
fn sum_of_key(entries: &[Entry]) -> Result<Entry, AddError> {
    match entries {
        [only] => Ok(only.clone()),
        _ => {
            let (left, right) = entries.split_at(entries.len() / 2);
            Sum::Exact.of(&sum_of_key(left)?, &sum_of_key(right)?)
        }
    }
}

/// What is left of `entry` without `wanted`, an entry of the same key; none if too little.
fn subtract(entry: &Entry, wanted: &Entry) -> Option<Entry> {
    if entry.is_indivisible() {
        let copies = entry.copies().checked_sub(wanted.copies())?;
        return Some(entry.clone().with_copies(copies));
    }
    let value = entry.value().checked_sub(wanted.value())?;
    Some(entry.clone().with_value(value))
}

fn overflow(entry: &Entry) -> AddError {
    AddError::Overflow { name: entry.name().clone() }
}

fn missing(wanted: &Entry, available: Option<&Entry>) -> MissingResource {
    MissingResource {
        wanted: Box::new(wanted.clone()),
        available: available.cloned().map(Box::new),
    }
}
