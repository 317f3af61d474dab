//! RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME and SHRINK_VOLUME of an ACCEPT, each in itself
//! (B4, B18, RES-09 to RES-12). Whether what they convert is there, and not in use, is decided in
//! `calls/convert.rs`.

use super::resources;
use crate::core::frameworks::Framework;
use meseta_api::ids::Role;
use meseta_api::resources::{Conversion, Entry, Resources};
use meseta_api::v1;
use meseta_api::v1::offer::operation::Type;
use meseta_api::v1::offer::Operation;

/// Who asks, and in which role.
#[derive(Clone, Copy, Debug)]
pub(in crate::core) struct Asking<'a> {
    /// What the framework may see and own.
    pub(in crate::core) framework: &'a Framework,
    /// Of the offer.
    pub(in crate::core) role: &'a Role,
}

/// Validates an operation; as the agent gets it, its resources carry their allocation role.
pub(in crate::core) fn operation(
    mut operation: Operation,
    asking: Asking<'_>,
) -> Result<(Operation, Conversion), String> {
    if operation.reserve.as_ref().is_some_and(|reserve| !reserve.source.is_empty()) {
        return Err("'source' of RESERVE must not be set but by an operator".to_owned());
    }
    let lists = [
        operation.reserve.as_mut().map(|reserve| &mut reserve.resources),
        operation.unreserve.as_mut().map(|unreserve| &mut unreserve.resources),
        operation.create.as_mut().map(|create| &mut create.volumes),
        operation.destroy.as_mut().map(|destroy| &mut destroy.volumes),
    ];
    for list in lists.into_iter().flatten() {
        *list = allocated(list, asking.role)?.to_v1();
    }
    let grow = operation.grow_volume.iter_mut().flat_map(|g| [&mut g.volume, &mut g.addition]);
    let shrink = operation.shrink_volume.iter_mut().map(|shrink| &mut shrink.volume);
    for one in grow.chain(shrink) {
        let held = allocated(std::slice::from_ref(one), asking.role)?;
        if let Some(written) = held.to_v1().into_iter().next() {
            *one = written;
        }
    }
    let conversion = Conversion::of(&operation).map_err(|error| error.to_string())?;
    let kind = operation.r#type();
    match kind {
        Type::Reserve => conversion.converted.iter().try_for_each(|e| asking.reserves(e))?,
        Type::Unreserve => conversion.consumed.iter().try_for_each(|e| asking.unreserves(e))?,
        Type::Create => conversion.converted.iter().try_for_each(|e| asking.creates(e))?,
        _ => {}
    }
    Ok((operation, conversion))
}

fn allocated(messages: &[v1::Resource], role: &Role) -> Result<Resources, String> {
    let held = resources::allocated(messages, role)?;
    resources::of_one_role("Operation", &held, role)?;
    Ok(held)
}

impl Asking<'_> {
    fn principal(&self) -> Option<&str> {
        self.framework.info.principal.as_deref()
    }

    /// Whose something is must be said truly, because that decides who may undo it.
    fn own(&self, what: &str, principal: Option<&str>, entry: &Entry) -> Result<(), String> {
        if principal == self.principal() {
            return Ok(());
        }
        let show = |principal: Option<&str>| match principal {
            Some(principal) => format!("principal '{}'", principal.escape_debug()),
            None => "no principal".to_owned(),
        };
        let (said, is) = (show(principal), show(self.principal()));
        Err(format!("{what} of {entry} carries {said}, but the framework has {is}"))
    }

    fn reserves(&self, entry: &Entry) -> Result<(), String> {
        let stack = entry.descriptor().reservations.as_slice();
        let Some(top) = stack.last() else {
            return Err(format!("{entry} is not reserved"));
        };
        if top.role != *self.role {
            return Err(format!(
                "{entry} is to be reserved for role '{}', but the offer is for '{}'",
                top.role, self.role
            ));
        }
        if stack.len() > 1 && !self.framework.capabilities.reservation_refinement {
            return Err(format!(
                "{entry} refines a reservation, which needs the capability RESERVATION_REFINEMENT"
            ));
        }
        self.own("the reservation", top.principal.as_deref(), entry)
    }

    fn unreserves(&self, entry: &Entry) -> Result<(), String> {
        let top = entry.descriptor().reservations.as_slice().last();
        self.own("the reservation", top.and_then(|top| top.principal.as_deref()), entry)
    }

    fn creates(&self, entry: &Entry) -> Result<(), String> {
        let disk = entry.descriptor().disk.as_ref();
        let persistence = disk.and_then(|disk| disk.persistence.as_ref());
        let principal = persistence.and_then(|persistence| persistence.principal.as_deref());
        self.own("the persistence", principal, entry)
    }
}
