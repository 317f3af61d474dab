//! What an offer operation makes of resources: [`Conversion`].
//!
//! The master applies it to an offer and to its books, the agent to what it has, so that both say
//! the same of one operation. Only operations that take effect at once are here; what concerns who
//! may do it, and what is in use, is decided by the master.

use std::path::{Component, Path};

use crate::ids::MAX_ROLE_COMPONENT_BYTES;
use crate::v1;
use crate::v1::offer::operation::Type;
use crate::v1::offer::Operation;

use super::disk::{Disk, DiskSourceKind};
use super::entry::Entry;
use super::error::{
    AddError, InvalidResource, MissingResource, ReservationError, ReserveError, ResourcesError,
    ScalarError,
};
use super::scalar::Scalar;
use super::value::Value;
use super::Resources;

/// Resources that become others of the same amounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversion {
    /// What must be there, and is not afterwards.
    pub consumed: Resources,
    /// What is there instead.
    pub converted: Resources,
}

/// Why an operation converts nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    #[error("operation '{0}' does not convert resources")]
    NoConversion(&'static str),
    /// The member that the type names is missing.
    #[error("Expecting '{0}' to be present")]
    Missing(&'static str),
    #[error("the operation names no resources")]
    Empty,
    #[error(transparent)]
    Resources(#[from] ResourcesError),
    #[error(transparent)]
    Invalid(#[from] InvalidResource),
    #[error(transparent)]
    Reserve(#[from] ReserveError),
    #[error("{0} is not dynamically reserved")]
    NotDynamic(Box<Entry>),
    #[error("what is to be reserved anew is not what it is to be reserved from")]
    OtherSource,
    #[error("{0} is not a persistent volume")]
    NotAVolume(Box<Entry>),
    #[error("a shared persistent volume ({0}) is not supported yet")]
    Shared(Box<Entry>),
    #[error("a resource provider's resource ({0}) is not supported")]
    Provided(Box<Entry>),
    #[error("a persistent volume on this kind of disk ({0}) is not supported yet")]
    DiskKind(Box<Entry>),
    #[error("the role of {0} is longer than {MAX_ROLE_COMPONENT_BYTES} bytes: no directory has such a name")]
    RoleTooLong(Box<Entry>),
    #[error("the volume of {0} must have the mode RW")]
    ReadOnly(Box<Entry>),
    #[error("the container path of {0} must be relative and stay in the sandbox")]
    ContainerPath(Box<Entry>),
    #[error("{addition} cannot be added to the volume {volume}")]
    NotAlike { volume: Box<Entry>, addition: Box<Entry> },
    #[error("{0} of a volume is not more than nothing and less than all of it")]
    Size(Scalar),
    #[error(transparent)]
    Scalar(#[from] ScalarError),
    #[error(transparent)]
    NotThere(#[from] MissingResource),
    #[error(transparent)]
    Sum(#[from] AddError),
}

impl Conversion {
    /// What RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME or SHRINK_VOLUME converts; whatever
    /// its resources are allocated to, what becomes of them is too.
    pub fn of(operation: &Operation) -> Result<Self, ConversionError> {
        let read = |messages: &[v1::Resource]| -> Result<Resources, ConversionError> {
            let resources = Resources::from_v1(messages)?;
            if resources.is_empty() {
                return Err(ConversionError::Empty);
            }
            match resources.iter().find(|entry| entry.descriptor().provider.is_some()) {
                Some(entry) => Err(ConversionError::Provided(Box::new(entry.clone()))),
                None => Ok(resources),
            }
        };
        match operation.r#type() {
            Type::Reserve => {
                let reserve = operation.reserve.as_ref();
                let reserve = reserve.ok_or(ConversionError::Missing("reserve"))?;
                let reserved = read(&reserve.resources)?;
                match reserve.source.as_slice() {
                    [] => Self::reserve(reserved),
                    source => Self::reserve_anew(read(source)?, reserved),
                }
            }
            Type::Unreserve => {
                let unreserve = operation.unreserve.as_ref();
                let unreserve = unreserve.ok_or(ConversionError::Missing("unreserve"))?;
                Self::reserve(read(&unreserve.resources)?).map(Self::reversed)
            }
            Type::Create => {
                let create = operation.create.as_ref();
                let create = create.ok_or(ConversionError::Missing("create"))?;
                Self::create(read(&create.volumes)?)
            }
            Type::Destroy => {
                let destroy = operation.destroy.as_ref();
                let destroy = destroy.ok_or(ConversionError::Missing("destroy"))?;
                Self::volumes(read(&destroy.volumes)?).map(Self::reversed)
            }
            Type::GrowVolume => {
                let grow = operation.grow_volume.as_ref();
                let grow = grow.ok_or(ConversionError::Missing("grow_volume"))?;
                Self::grow(Entry::from_v1(&grow.volume)?, Entry::from_v1(&grow.addition)?)
            }
            Type::ShrinkVolume => {
                let shrink = operation.shrink_volume.as_ref();
                let shrink = shrink.ok_or(ConversionError::Missing("shrink_volume"))?;
                let subtract = Scalar::from_f64(shrink.subtract.value)?;
                Self::shrink(Entry::from_v1(&shrink.volume)?, subtract)
            }
            other => Err(ConversionError::NoConversion(other.as_str_name())),
        }
    }

    /// Of a whole that has what is consumed, the whole afterwards.
    pub fn apply(&self, whole: &Resources) -> Result<Resources, ConversionError> {
        Ok(whole.checked_sub(&self.consumed)?.checked_add(&self.converted)?)
    }

    /// The same among resources that are allocated to nobody.
    pub fn unallocate(&self) -> Result<Self, AddError> {
        Ok(Conversion {
            consumed: self.consumed.unallocate()?,
            converted: self.converted.unallocate()?,
        })
    }

    fn reversed(self) -> Self {
        Conversion { consumed: self.converted, converted: self.consumed }
    }

    fn reserve(reserved: Resources) -> Result<Self, ConversionError> {
        let fixed = reserved.iter().find(|entry| !entry.descriptor().reservations.is_dynamic());
        if let Some(entry) = fixed {
            return Err(ConversionError::NotDynamic(Box::new(entry.clone())));
        }
        Ok(Conversion { consumed: reserved.pop_reservation()?, converted: reserved })
    }

    /// From one reservation to another: as if all were taken off first.
    fn reserve_anew(source: Resources, reserved: Resources) -> Result<Self, ConversionError> {
        let bare = |resources: &Resources| -> Result<Resources, ConversionError> {
            let bare = resources.iter().map(|entry| {
                if entry.is_persistent_volume() {
                    return Err(InvalidResource::from(ReservationError::HoldsVolume).into());
                }
                let mut descriptor = entry.descriptor().clone();
                while descriptor.reservations.is_dynamic() {
                    descriptor.reservations.pop();
                }
                Ok(entry.clone().with_descriptor(descriptor)?)
            });
            let bare: Result<Vec<Entry>, ConversionError> = bare.collect();
            Ok(Resources::from_entries(bare?)?)
        };
        if bare(&source)? != bare(&reserved)? {
            return Err(ConversionError::OtherSource);
        }
        Ok(Conversion { consumed: source, converted: reserved })
    }

    fn create(volumes: Resources) -> Result<Self, ConversionError> {
        for entry in &volumes {
            // On the agent a volume is a directory in one that is named after the role.
            let role = entry.reserved_for().map_or(0, |role| role.as_str().len());
            if role > MAX_ROLE_COMPONENT_BYTES {
                return Err(ConversionError::RoleTooLong(Box::new(entry.clone())));
            }
            let volume = entry.descriptor().disk.as_ref().and_then(|disk| disk.volume.as_ref());
            if volume.is_some_and(|volume| volume.mode() != v1::volume::Mode::Rw) {
                return Err(ConversionError::ReadOnly(Box::new(entry.clone())));
            }
            if volume.is_some_and(|volume| !stays_beneath(&volume.container_path)) {
                return Err(ConversionError::ContainerPath(Box::new(entry.clone())));
            }
        }
        Self::volumes(volumes)
    }

    fn volumes(volumes: Resources) -> Result<Self, ConversionError> {
        let plain: Result<Vec<Entry>, ConversionError> =
            volumes.iter().map(without_volume).collect();
        Ok(Conversion { consumed: Resources::from_entries(plain?)?, converted: volumes })
    }

    fn grow(volume: Entry, addition: Entry) -> Result<Self, ConversionError> {
        let plain = without_volume(&volume)?;
        let sum = match (plain.value().scalar(), addition.value().scalar()) {
            (Some(size), Some(more)) if plain.key_cmp(&addition).is_eq() && !more.is_zero() => {
                size.checked_add(more)
            }
            _ => {
                let (volume, addition) = (Box::new(volume), Box::new(addition));
                return Err(ConversionError::NotAlike { volume, addition });
            }
        };
        let sum = sum.ok_or_else(|| AddError::Overflow { name: volume.name().clone() })?;
        let grown = volume.clone().with_value(Value::Scalar(sum));
        Ok(Conversion {
            consumed: Resources::from_entries([volume, addition])?,
            converted: grown.into(),
        })
    }

    fn shrink(volume: Entry, subtract: Scalar) -> Result<Self, ConversionError> {
        let plain = without_volume(&volume)?;
        let rest = volume.value().scalar().and_then(|size| size.checked_sub(subtract));
        let rest = rest.filter(|rest| !rest.is_zero() && !subtract.is_zero());
        let rest = rest.ok_or(ConversionError::Size(subtract))?;
        let shrunk = volume.clone().with_value(Value::Scalar(rest));
        let freed = plain.with_value(Value::Scalar(subtract));
        Ok(Conversion {
            consumed: volume.into(),
            converted: Resources::from_entries([shrunk, freed])?,
        })
    }
}

/// The disk space that a volume is made of.
fn without_volume(entry: &Entry) -> Result<Entry, ConversionError> {
    let boxed = || Box::new(entry.clone());
    let mut descriptor = entry.descriptor().clone();
    let Some(disk) = descriptor.disk.take().filter(|disk| disk.persistence.is_some()) else {
        return Err(ConversionError::NotAVolume(boxed()));
    };
    if descriptor.shared {
        return Err(ConversionError::Shared(boxed()));
    }
    if disk.source.as_ref().is_some_and(|source| source.kind != DiskSourceKind::Path) {
        return Err(ConversionError::DiskKind(boxed()));
    }
    descriptor.disk =
        disk.source.map(|source| Disk { source: Some(source), persistence: None, volume: None });
    Ok(entry.clone().with_descriptor(descriptor)?)
}

/// Whether a path that a client chose is relative and leads to something beneath where it starts.
pub fn stays_beneath(path: &str) -> bool {
    let mut parts = Path::new(path).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}
