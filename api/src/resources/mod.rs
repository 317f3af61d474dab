//! Resources: what an agent has, an offer offers and a task uses.
//!
//! [`Resources`] is a multiset of [`Entry`]s in normal form, and the only arithmetic of resources
//! there is. It is pure and total: no operation panics, amounts are fixed point, and what has no
//! result says why. Wire messages are read and written at the border, in `convert`, which is also
//! where they are validated; flags are read by `parse`.
//!
//! Where to read next: `entry` for what makes two resources the same, `algebra` for add and
//! subtract, `conversion` for what offer operations make of them, `query` for views, `quantities` for what the allocator counts.

mod algebra;
mod conversion;
mod convert;
mod disk;
mod entry;
mod error;
mod labels;
mod limits;
mod name;
mod parse;
mod quantities;
mod query;
mod ranges;
mod reservation;
mod scalar;
mod set;
mod value;

use std::fmt;

pub use conversion::{stays_beneath, Conversion, ConversionError};
pub use disk::{Disk, DiskSource, DiskSourceKind, Persistence};
pub use entry::{Descriptor, Entry};
pub use error::{
    AddError, InvalidResource, MissingResource, NameError, RangesError, RefinedReservation,
    ReservationError, ReserveError, ResourcesError, ScalarError, SetError,
};
pub use labels::{Label, Labels};
pub use limits::ResourceLimits;
pub use name::{ResourceName, MAX_NAME_BYTES};
pub use parse::{parse_entries, ParseError, ParseErrorKind};
pub(crate) use parse::{split_items, Literal};
pub use quantities::ScalarQuantities;
pub use ranges::{Range, Ranges, MAX_RANGES};
pub use reservation::{Reservation, ReservationKind, ReservationStack};
pub use scalar::Scalar;
pub use set::{Set, MAX_SET_ITEMS};
pub use value::{Value, ValueKind};

/// A multiset of resources in normal form: entries sorted by key, one per key, none empty; and the
/// amounts under one name, over all entries, have a sum. Equal resources are therefore equal
/// values, and iteration is deterministic.
///
/// A clone copies one small vector of shared descriptors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    entries: Vec<Entry>,
}

impl Resources {
    /// No resources.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of entries, not an amount.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entries in the order of their keys: by name, then reservations, and so on.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }
}

impl<'a> IntoIterator for &'a Resources {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Resources {
    type Item = Entry;
    type IntoIter = std::vec::IntoIter<Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl From<Entry> for Resources {
    fn from(entry: Entry) -> Self {
        let entries = if entry.is_empty() { vec![] } else { vec![entry] };
        Self { entries }
    }
}

/// `cpus:4;mem:1024`, readable by [`Resources::parse`] unless an entry has what that notation
/// lacks; nothing for no resources.
impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.entries.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{entry}")?;
        }
        Ok(())
    }
}
