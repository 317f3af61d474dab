//! One resource: what it is, whom it is allocated to, and how much of it there is.

use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::ids::{PersistenceId, ResourceProviderId, Role};

use super::disk::Disk;
use super::error::InvalidResource;
use super::name::ResourceName;
use super::reservation::ReservationStack;
use super::value::{Value, ValueKind};

/// Greatest port; a value of `ports` above it is refused.
const MAX_PORT: u64 = 65_535;

/// What a resource is, apart from its amount and allocation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Descriptor {
    pub name: ResourceName,
    pub reservations: ReservationStack,
    pub disk: Option<Disk>,
    /// The resource provider it comes from; none if the agent itself.
    pub provider: Option<ResourceProviderId>,
    /// Lent: its user may be killed at any time.
    pub revocable: bool,
    /// Usable by many tasks at once.
    pub shared: bool,
}

impl Descriptor {
    /// A plain resource of the agent: unreserved, neither revocable nor shared.
    pub fn plain(name: ResourceName) -> Self {
        Self {
            name,
            reservations: ReservationStack::default(),
            disk: None,
            provider: None,
            revocable: false,
            shared: false,
        }
    }

    /// In memory that entries share. Nearly every resource of every cluster is one of the five
    /// plain standard ones: of each of these there is one descriptor, so that an entry allocates
    /// nothing for it and comparing two looks at pointers.
    fn into_shared(self) -> Arc<Descriptor> {
        static PLAIN: LazyLock<[Arc<Descriptor>; 5]> =
            LazyLock::new(|| ResourceName::STANDARD.map(|name| Arc::new(Descriptor::plain(name))));
        let standard = PLAIN.iter().find(|plain| ***plain == self);
        standard.cloned().unwrap_or_else(|| Arc::new(self))
    }

    /// Whether resources of this kind are taken whole or not at all, and so never merge.
    pub fn is_indivisible(&self) -> bool {
        self.shared || self.disk.as_ref().is_some_and(Disk::is_exclusive)
    }

    /// Checks the rules that hold between the fields, and between them and `value`.
    fn check(&self, value: &Value) -> Result<(), InvalidResource> {
        let (expected, found) = (self.name.required_kind(), value.kind());
        if let Some(expected) = expected.filter(|kind| *kind != found) {
            return Err(InvalidResource::WrongKind { expected, found });
        }
        if self.name == ResourceName::GPUS && !value.scalar().is_some_and(|gpus| gpus.is_whole()) {
            return Err(InvalidResource::NotWhole);
        }
        if self.name == ResourceName::PORTS {
            let greatest = value.ranges().and_then(|ports| ports.max());
            if let Some(port) = greatest.filter(|port| *port > MAX_PORT) {
                return Err(InvalidResource::PortOutOfRange(port));
            }
        }
        let volume = self.disk.as_ref().and_then(Disk::persistence_id).is_some();
        if self.disk.is_some() && self.name != ResourceName::DISK {
            return Err(InvalidResource::DiskInfoOnOther);
        }
        if volume && self.reservations.is_empty() {
            return Err(InvalidResource::UnreservedVolume);
        }
        if self.revocable && (volume || self.reservations.is_dynamic()) {
            return Err(InvalidResource::Revocable);
        }
        if self.shared && !volume {
            return Err(InvalidResource::SharedNonVolume);
        }
        Ok(())
    }
}

/// A descriptor, an allocation and a value.
///
/// Two entries with the same *key* are the same resource and add up. The key is the descriptor, the
/// allocation role, the kind of the value and, where the resource is indivisible, the value: such
/// entries never merge, and equal ones are counted instead.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    descriptor: Arc<Descriptor>,
    allocated_to: Option<Role>,
    value: Value,
    /// Always 1 unless indivisible.
    copies: u64,
}

impl Entry {
    /// Refuses a value that the descriptor does not admit, and descriptors that contradict
    /// themselves.
    pub fn new(descriptor: Descriptor, value: Value) -> Result<Self, InvalidResource> {
        descriptor.check(&value)?;
        let descriptor = descriptor.into_shared();
        Ok(Self { descriptor, allocated_to: None, value, copies: 1 })
    }

    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    pub fn name(&self) -> &ResourceName {
        &self.descriptor.name
    }

    pub fn value(&self) -> &Value {
        &self.value
    }

    pub fn kind(&self) -> ValueKind {
        self.value.kind()
    }

    /// How often the resource is there; more than 1 only for what [`Descriptor::is_indivisible`],
    /// such as a shared volume.
    pub fn copies(&self) -> u64 {
        self.copies
    }

    /// The role it is allocated to; none if free.
    pub fn allocated_to(&self) -> Option<&Role> {
        self.allocated_to.as_ref()
    }

    /// The role it is reserved for; none if unreserved.
    pub fn reserved_for(&self) -> Option<&Role> {
        self.descriptor.reservations.role()
    }

    pub fn is_reserved(&self) -> bool {
        !self.descriptor.reservations.is_empty()
    }

    pub fn is_revocable(&self) -> bool {
        self.descriptor.revocable
    }

    pub fn is_shared(&self) -> bool {
        self.descriptor.shared
    }

    pub fn persistence_id(&self) -> Option<&PersistenceId> {
        self.descriptor.disk.as_ref()?.persistence_id()
    }

    pub fn is_persistent_volume(&self) -> bool {
        self.persistence_id().is_some()
    }

    /// Whether a framework in `role` may be offered it: it is unreserved, or reserved for `role`
    /// or an ancestor of it.
    pub fn is_available_to(&self, role: &Role) -> bool {
        self.reserved_for().is_none_or(|owner| owner.covers(role))
    }

    /// The same resource allocated to `role`, or to nobody.
    pub fn with_allocation(mut self, role: Option<Role>) -> Self {
        self.allocated_to = role;
        self
    }

    /// The same resource with another descriptor, checked as by [`Entry::new`].
    pub fn with_descriptor(mut self, descriptor: Descriptor) -> Result<Self, InvalidResource> {
        descriptor.check(&self.value)?;
        self.descriptor = descriptor.into_shared();
        Ok(self)
    }

    /// The same resource with another value of the same kind.
    pub(super) fn with_value(mut self, value: Value) -> Self {
        debug_assert_eq!(value.kind(), self.kind());
        self.value = value;
        self
    }

    pub(super) fn with_copies(mut self, copies: u64) -> Self {
        self.copies = copies;
        self
    }

    /// The same entry, which shares its memory with `like` as far as the two are equal.
    pub(super) fn sharing(mut self, like: &Entry) -> Self {
        if self.descriptor == like.descriptor {
            self.descriptor = like.descriptor.clone();
        }
        if self.allocated_to == like.allocated_to {
            self.allocated_to = like.allocated_to.clone();
        }
        self
    }

    pub(super) fn is_indivisible(&self) -> bool {
        self.descriptor.is_indivisible()
    }

    /// Whether there is nothing of it.
    pub(super) fn is_empty(&self) -> bool {
        self.copies == 0 || self.value.is_empty()
    }

    /// The order of keys: by name first, and `Equal` for what adds up.
    pub(super) fn key_cmp(&self, other: &Entry) -> Ordering {
        // Collections derived from one another share their descriptors.
        let descriptors = if Arc::ptr_eq(&self.descriptor, &other.descriptor) {
            Ordering::Equal
        } else {
            self.descriptor.cmp(&other.descriptor)
        };
        descriptors.then_with(|| self.allocated_to.cmp(&other.allocated_to)).then_with(|| {
            if self.is_indivisible() {
                self.value.cmp(&other.value)
            } else {
                self.kind().cmp(&other.kind())
            }
        })
    }

    /// Whether `self` has at least what `wanted`, an entry of the same key, has.
    pub(super) fn covers(&self, wanted: &Entry) -> bool {
        self.copies >= wanted.copies && self.value.contains(&wanted.value)
    }
}

/// In the manner of `--resources`: `cpus:4`, `ports(eng):[1-5]`; what that notation lacks is added
/// to the name: `disk(eng)(allocated: eng)[volume-id:path]<SHARED>:64 x2`.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let descriptor = &self.descriptor;
        write!(f, "{}{}", descriptor.name, descriptor.reservations)?;
        if let Some(role) = &self.allocated_to {
            write!(f, "(allocated: {role})")?;
        }
        if let Some(provider) = &descriptor.provider {
            write!(f, "(provider: {provider})")?;
        }
        if let Some(disk) = &descriptor.disk {
            write!(f, "{disk}")?;
        }
        if descriptor.revocable {
            f.write_str("{REV}")?;
        }
        if descriptor.shared {
            f.write_str("<SHARED>")?;
        }
        write!(f, ":{}", self.value)?;
        if self.copies > 1 {
            write!(f, " x{}", self.copies)?;
        }
        Ok(())
    }
}
