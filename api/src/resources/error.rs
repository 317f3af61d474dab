//! Why resources were refused, one enum per operation.

use crate::ids::{IdError, RoleError};

use super::entry::Entry;
use super::name::ResourceName;
use super::parse::ParseError;
use super::ranges::MAX_RANGES;
use super::set::MAX_SET_ITEMS;
use super::value::{Value, ValueKind};

/// Why a number is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScalarError {
    #[error("amount is not a number")]
    NotANumber,
    #[error("amount is NaN or infinite")]
    NotFinite,
    #[error("amount is negative")]
    Negative,
    #[error("amount is too large to be exact to three decimals")]
    TooLarge,
}

/// Why integers are not ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangesError {
    #[error("range {begin}-{end} is inverted")]
    Inverted { begin: u64, end: u64 },
    #[error("{begin}-{end} is in more than one range")]
    Overlapping { begin: u64, end: u64 },
    #[error("more than {MAX_RANGES} ranges")]
    TooMany,
}

/// Why strings are not a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    #[error("item {item:?} is given twice")]
    Duplicate {
        /// Its first characters.
        item: String,
    },
    #[error("more than {MAX_SET_ITEMS} items")]
    TooMany,
}

/// Why a string does not name a resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("resource name must not be empty")]
    Empty,
    #[error("resource name is {length} bytes long, more than {limit}")]
    TooLong { length: usize, limit: usize },
    #[error("resource name holds {character:?} at byte {offset}")]
    ForbiddenCharacter { character: char, offset: usize },
    #[error("resource name starts or ends with white space")]
    OuterWhitespace,
}

/// Why a reservation does not fit on a stack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReservationError {
    #[error("resources cannot be reserved for role '*'")]
    DefaultRole,
    #[error("a static reservation cannot refine another")]
    StaticRefinement,
    #[error("reservation for '{role}' does not refine that for '{below}'")]
    NotARefinement { role: String, below: String },
    #[error("there is no reservation to take off")]
    Unreserved,
    /// A volume keeps its reservation until it is destroyed.
    #[error("a persistent volume cannot be reserved or unreserved")]
    HoldsVolume,
}

/// Why two collections have no sum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    #[error("sum of '{name}' overflows")]
    Overflow { name: ResourceName },
    /// Adding what is there already would forget that it is used twice.
    #[error("{common} of '{name}' is on both sides")]
    Overlap { name: ResourceName, common: Value },
}

/// What a subtraction, or a containment, lacked first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{wanted} is not available: there is {}", Available(.available.as_deref()))]
pub struct MissingResource {
    pub wanted: Box<Entry>,
    /// What there was under the same key; none if nothing.
    pub available: Option<Box<Entry>>,
}

struct Available<'a>(Option<&'a Entry>);

impl std::fmt::Display for Available<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(entry) => write!(f, "{entry}"),
            None => f.write_str("none"),
        }
    }
}

/// Why resources cannot be reserved or unreserved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReserveError {
    #[error("{resource}: {reason}")]
    Invalid { resource: Box<Entry>, reason: InvalidResource },
    #[error(transparent)]
    Add(#[from] AddError),
}

/// Why one resource breaks the rules, whatever notation it came in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResource {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Scalar(#[from] ScalarError),
    #[error(transparent)]
    Ranges(#[from] RangesError),
    #[error(transparent)]
    Set(#[from] SetError),
    #[error(transparent)]
    Role(#[from] RoleError),
    #[error(transparent)]
    Reservation(#[from] ReservationError),
    #[error("persistence id is invalid: {0}")]
    PersistenceId(IdError),
    #[error("resource provider id is invalid: {0}")]
    ProviderId(IdError),
    #[error("must be of type {expected}, not {found}")]
    WrongKind { expected: ValueKind, found: ValueKind },
    #[error("type {0} is not one of SCALAR, RANGES, SET")]
    UnsupportedType(i32),
    #[error("type is {kind}, but '{field}' is {problem}")]
    FieldMismatch { kind: ValueKind, field: &'static str, problem: &'static str },
    #[error("must be a whole number")]
    NotWhole,
    #[error("port {0} is above 65535")]
    PortOutOfRange(u64),
    #[error("'{0}' must not be set")]
    Unexpected(&'static str),
    #[error("'{0}' must be set")]
    Missing(&'static str),
    #[error("'disk' must not be set on a resource of another name")]
    DiskInfoOnOther,
    #[error("a persistent volume needs reserved resources")]
    UnreservedVolume,
    #[error("revocable resources cannot hold a persistent volume or a dynamic reservation")]
    Revocable,
    #[error("only persistent volumes can be shared")]
    SharedNonVolume,
    #[error("reservation type {0} is not one of STATIC, DYNAMIC")]
    ReservationType(i32),
    #[error("disk source type {0} is not one of PATH, MOUNT, BLOCK, RAW")]
    DiskSourceType(i32),
    /// Within one list, a name has one type.
    #[error("is {found} here and {before} before")]
    MixedKinds { before: ValueKind, found: ValueKind },
}

/// Why a list of resources was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourcesError {
    #[error("resource {index} ('{}'): {reason}", .name.escape_debug())]
    Invalid {
        /// Place in the list, from 0.
        index: usize,
        name: String,
        reason: InvalidResource,
    },
    /// An integer is in two resources of one name, or there are too many ranges of it.
    #[error("resources '{name}': {reason}")]
    Ranges { name: ResourceName, reason: RangesError },
    /// An item is in two resources of one name, or there are too many items of it.
    #[error("resources '{name}': {reason}")]
    Sets { name: ResourceName, reason: SetError },
    #[error(transparent)]
    Add(#[from] AddError),
    #[error(transparent)]
    Syntax(#[from] ParseError),
    #[error("resources are not a JSON array of resources: {0}")]
    Json(String),
}

/// Resources with a refined reservation cannot be shown to a framework without
/// `RESERVATION_REFINEMENT`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{resource} has a refined reservation")]
pub struct RefinedReservation {
    pub resource: Box<Entry>,
}
