//! What a call of an operator would do if it were made now. Nothing here changes anything.
//!
//! The core says what is its own: what would be refused, which offers would be taken back, which
//! tasks killed. Where roles would stand then is the allocator's to say, on a copy of itself: it is
//! given the events that the call would cause ([`Outlook::events`]), and fills in the rest
//! (`allocator/foresee.rs`).

mod drain;
mod quota;
mod weights;

use super::event::Moment;
use super::plan::Rejection;
use super::Core;
use crate::allocator::event::AllocatorEvent;
use meseta_api::ids::OfferId;
use meseta_api::internal::master::{Foreseen, Quantities};
use meseta_api::resources::{ResourceName, Scalar};
use meseta_api::v1::master::call::Type;
use meseta_api::v1::master::Call;

/// Most tasks or offers that are named; the rest is counted.
const MOST: usize = 1000;

/// What is foreseen.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// As far as the core knows.
    pub foreseen: Foreseen,
    /// What the allocator would hear of it; empty if it has nothing to add.
    pub events: Vec<AllocatorEvent>,
}

impl Core {
    /// What the call would do at this moment.
    ///
    /// # Errors
    /// What the call itself would be refused for, but for what `force` overrules; 501 for one whose
    /// consequences are not foreseen.
    pub fn foresee(&self, call: Call, at: Moment) -> Result<Outlook, Rejection> {
        match call.r#type() {
            Type::UpdateQuota => self.foresee_quota(call.update_quota),
            Type::UpdateWeights => self.foresee_weights(call.update_weights),
            Type::DrainAgent => self.foresee_drain(call.drain_agent, at),
            other => Err(Rejection::not_implemented(format!(
                "what {} would do is not foreseen; UPDATE_QUOTA, UPDATE_WEIGHTS and DRAIN_AGENT are",
                other.as_str_name()
            ))),
        }
    }

    /// What the allocator hears when an offer is taken back.
    fn recovered(&self, offer: &OfferId) -> Option<AllocatorEvent> {
        let offer = self.offers.get(offer)?;
        Some(AllocatorEvent::Recovered {
            framework: offer.framework.clone(),
            agent: offer.agent.clone(),
            resources: offer.resources.clone(),
            refuse: None,
        })
    }
}

fn quantities<'a>(amounts: impl IntoIterator<Item = (&'a ResourceName, Scalar)>) -> Quantities {
    amounts.into_iter().map(|(name, amount)| (name.to_string(), amount.to_f64())).collect()
}
