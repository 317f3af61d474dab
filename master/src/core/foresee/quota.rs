//! What an UPDATE_QUOTA would do.

use super::{quantities, Outlook, MOST};
use crate::allocator::event::AllocatorEvent;
use crate::allocator::Quota;
use crate::core::plan::Rejection;
use crate::core::quota::check::{guaranteed, parse};
use crate::core::Core;
use meseta_api::ids::{OfferId, Role};
use meseta_api::internal::master::{Foreseen, OfferForeseen, QuotaForeseen, RoleQuotaForeseen};
use meseta_api::v1::master::call::UpdateQuota;
use std::collections::BTreeSet;

impl Core {
    pub(super) fn foresee_quota(&self, update: Option<UpdateQuota>) -> Result<Outlook, Rejection> {
        let quotas = parse(update)?;
        let mut after = self.quotas_under_way();
        after.set(&quotas);
        let beyond = self.beyond_limits(&quotas);
        let taken: BTreeSet<OfferId> = beyond.iter().cloned().collect();
        let more = self.for_guarantees(&after, &taken);
        let rescinded: Vec<OfferId> = beyond.into_iter().chain(more).collect();
        let all: BTreeSet<OfferId> = rescinded.iter().cloned().collect();
        let roles = quotas.iter().map(|(role, quota)| self.foresee_role(role, quota, &all));
        let named = rescinded.iter().take(MOST).filter_map(|offer| self.show_offer(offer));
        let foreseen = QuotaForeseen {
            needs_force: self.objections(&quotas),
            roles: roles.collect(),
            guaranteed: quantities(guaranteed(&after).iter()),
            capacity: quantities(self.capacity_without(None).iter()),
            rescinded: named.collect(),
            left_out: rescinded.len().saturating_sub(MOST) as u64,
            shares: Vec::new(),
        };
        let mut events = vec![AllocatorEvent::QuotasUpdated(quotas.into_iter().collect())];
        events.extend(rescinded.iter().filter_map(|offer| self.recovered(offer)));
        Ok(Outlook { foreseen: Foreseen::Quota(foreseen), events })
    }

    fn foresee_role(
        &self,
        role: &Role,
        quota: &Quota,
        rescinded: &BTreeSet<OfferId>,
    ) -> RoleQuotaForeseen {
        let consumed = self.consumption(role);
        let offered = self.offered_to(role, rescinded);
        let over = consumed.iter().filter_map(|(name, used)| {
            let over = used.saturating_sub(quota.limits.get(name)?);
            (!over.is_zero()).then_some((name, over))
        });
        let lacks = quota.guarantees.saturating_sub(&consumed).saturating_sub(&offered);
        RoleQuotaForeseen {
            role: role.clone(),
            guarantee: quantities(quota.guarantees.iter()),
            limit: quantities(quota.limits.iter()),
            over: quantities(over),
            consumed: quantities(consumed.iter()),
            offered: quantities(offered.iter()),
            lacks: quantities(lacks.iter()),
        }
    }

    fn show_offer(&self, id: &OfferId) -> Option<OfferForeseen> {
        let offer = self.offers.get(id)?;
        Some(OfferForeseen {
            offer_id: id.clone(),
            framework_id: offer.framework.clone(),
            role: offer.role.clone(),
            agent_id: offer.agent.clone(),
            resources: offer.resources.quantities().to_string(),
        })
    }
}
