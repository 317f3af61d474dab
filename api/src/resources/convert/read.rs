//! From a `Resource` message to an entry. Everything a client can get wrong is refused here.

use std::sync::Arc;

use v1::resource::disk_info::source::Type as SourceType;
use v1::resource::reservation_info::Type as ReservationType;
use v1::resource::{disk_info, DiskInfo, ReservationInfo};
use v1::value::Type as WireType;

use crate::ids::{PersistenceId, ResourceProviderId, Role};
use crate::v1;

use super::super::disk::{Disk, DiskSource, DiskSourceKind, Persistence};
use super::super::entry::{Descriptor, Entry};
use super::super::error::InvalidResource;
use super::super::labels::{Label, Labels};
use super::super::name::ResourceName;
use super::super::ranges::Ranges;
use super::super::reservation::{Reservation, ReservationKind, ReservationStack};
use super::super::scalar::Scalar;
use super::super::set::Set;
use super::super::value::{Value, ValueKind};

pub(super) fn entry(message: &v1::Resource) -> Result<Entry, InvalidResource> {
    let name = ResourceName::parse(&message.name)?;
    let value = value(message)?;
    let provider = message.provider_id.as_ref().map(ResourceProviderId::try_from);
    let descriptor = Descriptor {
        name,
        reservations: reservations(message)?,
        disk: message.disk.as_ref().map(disk).transpose()?,
        provider: provider.transpose().map_err(InvalidResource::ProviderId)?,
        revocable: message.revocable.is_some(),
        shared: message.shared.is_some(),
    };
    let allocation = message.allocation_info.as_ref();
    let role = allocation.and_then(|info| info.role.as_deref());
    let role = role.map(Role::parse).transpose()?;
    Ok(Entry::new(descriptor, value)?.with_allocation(role))
}

/// The one field that `type` names, and no other.
fn value(message: &v1::Resource) -> Result<Value, InvalidResource> {
    let kind = match WireType::try_from(message.r#type) {
        Ok(WireType::Scalar) => ValueKind::Scalar,
        Ok(WireType::Ranges) => ValueKind::Ranges,
        Ok(WireType::Set) => ValueKind::Set,
        Ok(WireType::Text) | Err(_) => {
            return Err(InvalidResource::UnsupportedType(message.r#type))
        }
    };
    let fields = [
        (ValueKind::Scalar, "scalar", message.scalar.is_some()),
        (ValueKind::Ranges, "ranges", message.ranges.is_some()),
        (ValueKind::Set, "set", message.set.is_some()),
    ];
    for (of, field, is_set) in fields {
        if is_set != (of == kind) {
            let problem = if is_set { "set" } else { "not set" };
            return Err(InvalidResource::FieldMismatch { kind, field, problem });
        }
    }
    match (&message.scalar, &message.ranges, &message.set) {
        (Some(scalar), _, _) => Ok(Value::Scalar(Scalar::from_f64(scalar.value)?)),
        (_, Some(ranges), _) => {
            let pairs = ranges.range.iter().map(|range| (range.begin, range.end));
            Ok(Value::Ranges(Ranges::new_disjoint(pairs)?))
        }
        (_, _, Some(set)) => Ok(Value::Set(Set::new(set.item.iter().map(String::as_str))?)),
        (None, None, None) => Err(InvalidResource::Missing("scalar")),
    }
}

fn reservations(message: &v1::Resource) -> Result<ReservationStack, InvalidResource> {
    let mut stack = ReservationStack::default();
    if message.reservations.is_empty() {
        if let Some(reservation) = reservation_before_refinement(message)? {
            stack.push(reservation)?;
        }
        return Ok(stack);
    }
    if message.role.is_some() {
        return Err(InvalidResource::Unexpected("role"));
    }
    if message.reservation.is_some() {
        return Err(InvalidResource::Unexpected("reservation"));
    }
    for info in &message.reservations {
        stack.push(reservation(info)?)?;
    }
    Ok(stack)
}

fn reservation(info: &ReservationInfo) -> Result<Reservation, InvalidResource> {
    let number = info.r#type.ok_or(InvalidResource::Missing("reservations.type"))?;
    let kind = match ReservationType::try_from(number) {
        Ok(ReservationType::Static) => ReservationKind::Static,
        Ok(ReservationType::Dynamic) => ReservationKind::Dynamic,
        Ok(ReservationType::Unknown) | Err(_) => {
            return Err(InvalidResource::ReservationType(number))
        }
    };
    let role = info.role.as_deref();
    let role = Role::parse(role.ok_or(InvalidResource::Missing("reservations.role"))?)?;
    Ok(Reservation { kind, role, principal: shared(&info.principal), labels: labels(&info.labels) })
}

/// `role` alone is static, with `reservation` dynamic; no role, or `*`, is none.
fn reservation_before_refinement(
    message: &v1::Resource,
) -> Result<Option<Reservation>, InvalidResource> {
    let role = message.role.as_deref().map(Role::parse).transpose()?;
    let role = role.unwrap_or_default();
    let Some(info) = &message.reservation else {
        return Ok((!role.is_default()).then(|| Reservation::fixed(role)));
    };
    if info.r#type.is_some() {
        return Err(InvalidResource::Unexpected("reservation.type"));
    }
    if info.role.is_some() {
        return Err(InvalidResource::Unexpected("reservation.role"));
    }
    let principal = shared(&info.principal);
    Ok(Some(Reservation::dynamic(role, principal, labels(&info.labels))))
}

fn disk(info: &DiskInfo) -> Result<Disk, InvalidResource> {
    if info.source.is_none() && info.persistence.is_none() {
        return Err(InvalidResource::Missing("disk.source or disk.persistence"));
    }
    let persistence = info.persistence.as_ref().map(persistence).transpose()?;
    match (&persistence, &info.volume) {
        (Some(_), None) => return Err(InvalidResource::Missing("disk.volume")),
        (None, Some(_)) => return Err(InvalidResource::Unexpected("disk.volume")),
        (Some(_), Some(volume)) if volume.host_path.is_some() => {
            return Err(InvalidResource::Unexpected("disk.volume.host_path"))
        }
        _ => {}
    }
    Ok(Disk {
        source: info.source.as_ref().map(disk_source).transpose()?,
        persistence,
        volume: info.volume.clone().map(Arc::new),
    })
}

fn persistence(info: &disk_info::Persistence) -> Result<Persistence, InvalidResource> {
    Ok(Persistence {
        id: PersistenceId::parse(&info.id).map_err(InvalidResource::PersistenceId)?,
        principal: shared(&info.principal),
    })
}

fn disk_source(source: &disk_info::Source) -> Result<DiskSource, InvalidResource> {
    let kind = match SourceType::try_from(source.r#type) {
        Ok(SourceType::Path) => DiskSourceKind::Path,
        Ok(SourceType::Mount) => DiskSourceKind::Mount,
        Ok(SourceType::Block) => DiskSourceKind::Block,
        Ok(SourceType::Raw) => DiskSourceKind::Raw,
        Ok(SourceType::Unknown) | Err(_) => {
            return Err(InvalidResource::DiskSourceType(source.r#type))
        }
    };
    if source.path.is_some() && kind != DiskSourceKind::Path {
        return Err(InvalidResource::Unexpected("disk.source.path"));
    }
    if source.mount.is_some() && kind != DiskSourceKind::Mount {
        return Err(InvalidResource::Unexpected("disk.source.mount"));
    }
    let path = source.path.as_ref().and_then(|path| path.root.as_deref());
    let mount = source.mount.as_ref().and_then(|mount| mount.root.as_deref());
    Ok(DiskSource {
        kind,
        root: path.or(mount).map(Arc::from),
        vendor: shared(&source.vendor),
        id: shared(&source.id),
        metadata: labels(&source.metadata),
        profile: shared(&source.profile),
    })
}

fn labels(labels: &Option<v1::Labels>) -> Labels {
    let labels = labels.iter().flat_map(|labels| &labels.labels);
    Labels::new(
        labels
            .map(|label| Label { key: Arc::from(label.key.as_str()), value: shared(&label.value) }),
    )
}

fn shared(text: &Option<String>) -> Option<Arc<str>> {
    text.as_deref().map(Arc::from)
}
