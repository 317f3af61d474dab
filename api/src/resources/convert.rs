//! The border between the wire's `Resource` messages and [`Resources`].
//!
//! `read` validates a message and makes an entry of it, `write` makes a message of an entry. Three
//! formats exist on the wire. With *refinement*, reservations are a list. *Before refinement*, a
//! resource has a `role` and at most one `reservation`; it is read from anybody and written for
//! frameworks without `RESERVATION_REFINEMENT`. The classic endpoints show *both*.

mod read;
mod write;

use std::collections::BTreeMap;

use serde::{de, Deserialize, Deserializer, Serialize, Serializer};

use crate::v1;

use super::entry::Entry;
use super::error::{AddError, InvalidResource, RefinedReservation, ResourcesError};
use super::name::ResourceName;
use super::ranges::Ranges;
use super::set::Set;
use super::Resources;

impl Entry {
    /// Reads one message, in the format with refinement or in the one before it.
    pub fn from_v1(message: &v1::Resource) -> Result<Entry, InvalidResource> {
        read::entry(message)
    }

    /// Writes one message in the format with refinement; copies are not shown.
    pub fn to_v1(&self) -> v1::Resource {
        write::entry(self)
    }
}

impl Resources {
    /// Reads and validates a list from a client, an agent or a flag. Empty resources are dropped.
    ///
    /// Beyond the rules for each message, one name has one type, no port or item is in it twice,
    /// and sums stay within what a double carries exactly ([`Scalar::fits_wire`]).
    ///
    /// [`Scalar::fits_wire`]: super::Scalar::fits_wire
    pub fn from_v1(messages: &[v1::Resource]) -> Result<Resources, ResourcesError> {
        let mut entries = Vec::with_capacity(messages.len());
        for (index, message) in messages.iter().enumerate() {
            let entry = Entry::from_v1(message).map_err(|reason| ResourcesError::Invalid {
                index,
                name: message.name.chars().take(64).collect(),
                reason,
            })?;
            entries.push(entry);
        }
        collect(entries)
    }

    /// Writes the format with refinement; what is there n times is listed n times.
    /// [`Resources::from_v1`] reads the same resources back.
    pub fn to_v1(&self) -> Vec<v1::Resource> {
        self.messages(write::entry)
    }

    /// Writes the format before refinement, in which the unreserved carry `role: "*"`. Fails at the
    /// first resource with more than one reservation, which that format cannot say.
    pub fn to_v1_pre_refinement(&self) -> Result<Vec<v1::Resource>, RefinedReservation> {
        let refined = |entry: &&Entry| entry.descriptor().reservations.as_slice().len() > 1;
        if let Some(entry) = self.iter().find(refined) {
            return Err(RefinedReservation { resource: Box::new(entry.clone()) });
        }
        Ok(self.messages(write::entry_pre_refinement))
    }

    /// Writes both formats at once, as the classic endpoints show resources; a refined one has no
    /// `role`.
    pub fn to_v1_endpoint(&self) -> Vec<v1::Resource> {
        self.messages(write::entry_endpoint)
    }

    fn messages(&self, write: impl Fn(&Entry) -> v1::Resource) -> Vec<v1::Resource> {
        let mut messages = Vec::with_capacity(self.len());
        for entry in self {
            let message = write(entry);
            messages.extend((1..entry.copies()).map(|_| message.clone()));
            messages.push(message);
        }
        messages
    }
}

/// The sum of what was read at a border, which obeys the rules between entries. O(n log n), and
/// what would grow without bound is refused before it is summed.
pub(super) fn collect(entries: Vec<Entry>) -> Result<Resources, ResourcesError> {
    let mut by_name: BTreeMap<&ResourceName, Vec<&Entry>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let same_name = by_name.entry(entry.name()).or_default();
        let before = same_name.first().map_or(entry.kind(), |first| first.kind());
        if before != entry.kind() {
            return Err(ResourcesError::Invalid {
                index,
                name: entry.name().to_string(),
                reason: InvalidResource::MixedKinds { before, found: entry.kind() },
            });
        }
        same_name.push(entry);
    }
    for (name, same_name) in by_name {
        check_disjoint(name, &same_name)?;
    }
    let resources = Resources::from_entries(entries)?;
    let too_large = |entry: &&Entry| entry.value().scalar().is_some_and(|s| !s.fits_wire());
    match resources.iter().find(too_large) {
        Some(entry) => Err(AddError::Overflow { name: entry.name().clone() }.into()),
        None => Ok(resources),
    }
}

/// Refuses an integer or item that is twice under one name, such as a port that is both reserved
/// and unreserved.
fn check_disjoint(name: &ResourceName, entries: &[&Entry]) -> Result<(), ResourcesError> {
    if entries.len() < 2 {
        return Ok(());
    }
    let ranges = entries.iter().filter_map(|entry| entry.value().ranges());
    let pairs = ranges.flat_map(Ranges::as_slice).map(|range| (range.begin, range.end));
    Ranges::new_disjoint(pairs)
        .map_err(|reason| ResourcesError::Ranges { name: name.clone(), reason })?;
    let sets = entries.iter().filter_map(|entry| entry.value().set());
    Set::new(sets.flat_map(Set::iter))
        .map_err(|reason| ResourcesError::Sets { name: name.clone(), reason })?;
    Ok(())
}

impl TryFrom<&[v1::Resource]> for Resources {
    type Error = ResourcesError;

    fn try_from(messages: &[v1::Resource]) -> Result<Self, ResourcesError> {
        Self::from_v1(messages)
    }
}

impl From<&Resources> for Vec<v1::Resource> {
    fn from(resources: &Resources) -> Self {
        resources.to_v1()
    }
}

/// As the list of `Resource` messages.
impl Serialize for Resources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_v1().serialize(serializer)
    }
}

/// From a list of `Resource` messages, which is validated.
impl<'de> Deserialize<'de> for Resources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let messages = Vec::<v1::Resource>::deserialize(deserializer)?;
        Self::from_v1(&messages).map_err(de::Error::custom)
    }
}
