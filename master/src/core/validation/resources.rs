//! Resources of tasks and executors (B5, RES-16).

use meseta_api::ids::Role;
use meseta_api::resources::Resources;
use meseta_api::v1;
use std::collections::BTreeSet;

/// Parses resources and gives those that say nothing to `role`, as older frameworks expect. Those
/// that say the same share it.
pub(in crate::core) fn allocated(
    messages: &[v1::Resource],
    role: &Role,
) -> Result<Resources, String> {
    let parsed = Resources::from_v1(messages).map_err(|error| error.to_string())?;
    let entries = parsed.into_iter().map(|entry| {
        let other = entry.allocated_to().filter(|allocated| *allocated != role).cloned();
        entry.with_allocation(Some(other.unwrap_or_else(|| role.clone())))
    });
    Resources::from_entries(entries).map_err(|error| error.to_string())
}

/// Resources of one task or executor: of one role, that of the offer.
pub(in crate::core) fn of_one_role(
    what: &str,
    resources: &Resources,
    role: &Role,
) -> Result<(), String> {
    match resources.iter().find(|entry| entry.allocated_to() != Some(role)) {
        None => Ok(()),
        Some(entry) => Err(format!(
            "{what} uses '{}' allocated to another role than the offer's '{role}'",
            entry.name()
        )),
    }
}

/// A task and its executor together: no name both revocable and not, no volume twice.
pub(in crate::core) fn together(resources: &Resources) -> Result<(), String> {
    let names = |revocable: bool| -> BTreeSet<_> {
        let entries = resources.iter().filter(move |entry| entry.is_revocable() == revocable);
        entries.map(|entry| entry.name().clone()).collect()
    };
    if let Some(name) = names(true).intersection(&names(false)).next() {
        return Err(format!(
            "Cannot use both revocable and non-revocable '{name}' at the same time"
        ));
    }
    let mut volumes = BTreeSet::new();
    for entry in resources.iter().filter(|entry| !entry.is_shared()) {
        if let Some(id) = entry.persistence_id() {
            if !volumes.insert(id) {
                return Err(format!("Task uses duplicate persistence ID {id}"));
            }
        }
    }
    Ok(())
}
