//! DECLINE: offers go back with a filter (SCH-13, B10). Ids that are not the framework's
//! outstanding offers are passed over: they may have been rescinded meanwhile.

use crate::allocator::refuse_duration;
use crate::core::effect::Effect;
use crate::core::offers::Return;
use crate::core::plan::Plan;
use crate::core::Core;
use meseta_api::ids::{FrameworkId, OfferId};
use meseta_api::v1::scheduler::call::Decline;

/// Offers that are going to be returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclinePlan {
    offers: Vec<OfferId>,
    how: Return,
}

impl Core {
    pub(super) fn check_decline(&self, framework: &FrameworkId, call: Decline) -> Plan {
        let refuse = refuse_duration(call.filters.as_ref().and_then(|f| f.refuse_seconds));
        let owned = |id: &OfferId| {
            let offer = self.offers.get(id);
            offer.is_some_and(|offer| offer.framework == *framework)
        };
        let named = call.offer_ids.iter().filter_map(|id| OfferId::try_from(id).ok());
        Plan::Decline(DeclinePlan {
            offers: named.filter(owned).collect(),
            how: Return::Refused(refuse),
        })
    }

    pub(in crate::core) fn commit_decline(&mut self, plan: DeclinePlan, out: &mut Vec<Effect>) {
        for offer in &plan.offers {
            self.return_offer(offer, plan.how, out);
        }
    }
}
