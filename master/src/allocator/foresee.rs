//! Where roles would stand after something that has not happened: on a copy of the allocator, which
//! is thrown away.

use super::event::AllocatorEvent;
use super::fault::AllocatorFault;
use super::Allocator;
use libproc::Instant;
use meseta_api::ids::Role;
use meseta_api::internal::master::ShareForeseen;
use std::collections::{BTreeMap, BTreeSet};

/// Most roles of one answer, the first by name.
const MOST: usize = 1000;

impl Allocator {
    /// Each role's weight and share now, and after the events and the round that follows them.
    ///
    /// # Errors
    /// An event that cannot be.
    pub fn foresee(
        &self,
        events: Vec<AllocatorEvent>,
        now: Instant,
        shuffle_seed: u64,
    ) -> Result<Vec<ShareForeseen>, AllocatorFault> {
        let mut then = self.clone();
        for event in events {
            then.apply(event, now)?;
        }
        then.allocate(now, shuffle_seed);
        let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
        for (of, shares) in [(self, &mut before), (&then, &mut after)] {
            shares.extend(of.roster.shares().map(|(role, weight, share)| (role, (weight, share))));
        }
        let roles: BTreeSet<&Role> = before.keys().chain(after.keys()).copied().collect();
        // Of a role that is not known on one side nothing is held there.
        let foresee = |role: &Role| {
            let (weight_before, share_before) = before.get(role).copied().unwrap_or((1.0, 0.0));
            let (weight_after, share_after) = after.get(role).copied().unwrap_or((1.0, 0.0));
            let role = role.clone();
            ShareForeseen { role, weight_before, weight_after, share_before, share_after }
        };
        Ok(roles.into_iter().take(MOST).map(foresee).collect())
    }
}
