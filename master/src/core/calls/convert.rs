//! One operation of an ACCEPT that converts resources: RESERVE, UNRESERVE, CREATE, DESTROY,
//! GROW_VOLUME, SHRINK_VOLUME (OP-03 to OP-07, B4, B17, B18).
//!
//! It takes effect at once: the next operation of the same ACCEPT finds what it made.

use super::launch::Remaining;
use crate::core::validation::operation::{self as validation, Asking};
use meseta_api::ids::OperationId;
use meseta_api::resources::{Conversion, Entry, Resources};
use meseta_api::v1;
use meseta_api::v1::offer::operation::Type;

/// Most operations of one framework with an id whose last status it has not acknowledged: agents
/// keep and repeat each of them.
const MAX_NAMED: usize = 1000;

/// A conversion that is going to be made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Convert {
    /// The framework's name for it, if it wants to hear of it.
    pub(super) id: Option<OperationId>,
    /// As the agent gets it; its resources carry their allocation role.
    pub(super) info: v1::offer::Operation,
    /// Among resources that carry their allocation role.
    pub(super) conversion: Conversion,
}

impl Remaining<'_> {
    /// Converts some of what is left, or says why not.
    pub(super) fn convert(&mut self, info: v1::offer::Operation) -> Result<Convert, String> {
        let id = info.id.as_ref().map(OperationId::try_from).transpose();
        let id = id.map_err(|error| error.to_string())?;
        if id.as_ref().is_some_and(|id| self.knows_operation(id)) {
            let id = id.map_or_else(String::new, |id| id.to_string());
            return Err(format!("Operation has duplicate ID: {id}"));
        }
        if id.is_some() && self.named_operations() >= MAX_NAMED {
            return Err(format!(
                "{MAX_NAMED} operations have ids and statuses that are not acknowledged"
            ));
        }
        let asking = Asking { framework: self.framework(), role: self.role() };
        let (info, conversion) = validation::operation(info, asking)?;
        match info.r#type() {
            Type::Create => self.check_new_volumes(&conversion.converted)?,
            Type::Destroy => self.check_destroyed(&conversion.consumed)?,
            Type::GrowVolume | Type::ShrinkVolume => self.check_unused(&conversion.consumed)?,
            _ => {}
        }
        let plain = conversion.unallocate().map_err(|error| error.to_string())?;
        let total = plain.apply(self.total()).map_err(|error| error.to_string())?;
        let rest = conversion.apply(self.resources()).map_err(|error| error.to_string())?;
        self.converted(rest, total);
        if matches!(info.r#type(), Type::GrowVolume | Type::ShrinkVolume) {
            // Its size is the agent's to confirm: it comes with the next offer.
            self.withhold(&conversion.converted)?;
        }
        self.operation_ids.extend(id.clone());
        Ok(Convert { id, info, conversion })
    }

    /// A persistence id is there once per role (RES-12).
    fn check_new_volumes(&self, volumes: &Resources) -> Result<(), String> {
        let mut seen = std::collections::BTreeSet::new();
        for volume in volumes {
            let name = (volume.persistence_id(), volume.reserved_for());
            let there = self.total().iter().any(|other| is_volume(other, volume));
            if there || !seen.insert(name) {
                return Err(format!("persistent volume {volume} exists already"));
            }
        }
        Ok(())
    }

    /// Data is destroyed by whom it belongs to, and not under anybody's feet (OP-06).
    fn check_destroyed(&self, volumes: &Resources) -> Result<(), String> {
        self.check_unused(volumes)?;
        let principal = self.framework().info.principal.as_deref();
        for volume in volumes {
            let there = self.total().iter().find(|other| is_volume(other, volume));
            let disk = there.and_then(|there| there.descriptor().disk.as_ref());
            let persistence = disk.and_then(|disk| disk.persistence.as_ref());
            let owner = persistence.and_then(|persistence| persistence.principal.as_deref());
            if there.is_some() && owner != principal {
                return Err(format!("persistent volume {volume} is another principal's"));
            }
        }
        Ok(())
    }

    fn check_unused(&self, resources: &Resources) -> Result<(), String> {
        for volume in resources.iter().filter(|entry| entry.is_persistent_volume()) {
            if let Some(user) = self.user_of(|used| is_volume(used, volume)) {
                return Err(format!("persistent volume {volume} is in use by {user}"));
            }
        }
        Ok(())
    }
}

/// Whether an entry is this volume, whatever its size and whoever it is allocated to.
fn is_volume(entry: &Entry, volume: &Entry) -> bool {
    entry.is_persistent_volume()
        && entry.persistence_id() == volume.persistence_id()
        && entry.reserved_for() == volume.reserved_for()
}
