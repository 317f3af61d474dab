//! What an UPDATE_WEIGHTS would do.

use super::Outlook;
use crate::allocator::event::AllocatorEvent;
use crate::core::plan::Rejection;
use crate::core::{weights, Core};
use meseta_api::ids::OfferId;
use meseta_api::internal::master::{Foreseen, WeightsForeseen};
use meseta_api::v1::master::call::UpdateWeights;

impl Core {
    pub(super) fn foresee_weights(
        &self,
        update: Option<UpdateWeights>,
    ) -> Result<Outlook, Rejection> {
        let weights = weights::parse(update)?;
        let rescinded: Vec<&OfferId> = match self.counts(&weights) {
            true => self.offers.iter().map(|(id, _)| id).collect(),
            false => Vec::new(),
        };
        let foreseen =
            WeightsForeseen { rescinded: rescinded.len() as u64, ..WeightsForeseen::default() };
        let mut events = vec![AllocatorEvent::WeightsUpdated(weights.into_iter().collect())];
        events.extend(rescinded.into_iter().filter_map(|offer| self.recovered(offer)));
        Ok(Outlook { foreseen: Foreseen::Weights(foreseen), events })
    }
}
