//! [`Retry`]: how long a watch waits before it asks an etcd once more that failed it. Pure.

use crate::backoff::{half_to_whole, Backoff};
use crate::store::etcd::{REFUSED_PAUSE, RETRY_PAUSE};
use std::time::Duration;

/// The longest wait of a patient watch for an etcd that does not answer …
const UNANSWERED_MOST: Duration = Duration::from_secs(5);
/// … and for one that refuses, which a person must see to. Each refusal is told.
const REFUSED_MOST: Duration = Duration::from_secs(60);

/// Random bits of the World.
pub type Entropy = Box<dyn FnMut() -> u64 + Send>;

pub(crate) struct Retry {
    unanswered: Backoff,
    refused: Backoff,
    /// Without it nothing is spread.
    entropy: Option<Entropy>,
}

impl Retry {
    /// For a candidate: it has a lease to lose, and there are few of them.
    pub(crate) fn steady() -> Self {
        Retry {
            unanswered: Backoff::new(RETRY_PAUSE, RETRY_PAUSE),
            refused: Backoff::new(REFUSED_PAUSE, REFUSED_PAUSE),
            entropy: None,
        }
    }

    /// For the thousands who only want to know who leads: longer each time, and never in step.
    pub(crate) fn patient(entropy: Entropy) -> Self {
        Retry {
            unanswered: Backoff::new(RETRY_PAUSE, UNANSWERED_MOST),
            refused: Backoff::new(REFUSED_PAUSE, REFUSED_MOST),
            entropy: Some(entropy),
        }
    }

    pub(crate) fn failed(&mut self, refused: bool) -> Duration {
        let kind = if refused { &mut self.refused } else { &mut self.unanswered };
        let bound = kind.failed();
        match &mut self.entropy {
            None => bound,
            Some(entropy) => half_to_whole(bound, entropy()),
        }
    }

    pub(crate) fn answered(&mut self) {
        self.unanswered.reset();
        self.refused.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_does_not_become_slower() {
        let mut retry = Retry::steady();
        for _ in 0..9 {
            assert_eq!(retry.failed(false), RETRY_PAUSE);
            assert_eq!(retry.failed(true), REFUSED_PAUSE);
        }
    }

    #[test]
    fn who_only_looks_waits_longer_each_time_and_out_of_step() {
        let mut retry = Retry::patient(Box::new(|| 0));
        assert_eq!(retry.failed(false), RETRY_PAUSE / 2, "the least of the spread");
        assert_eq!(retry.failed(false), RETRY_PAUSE);
        for _ in 0..20 {
            retry.failed(false);
            retry.failed(true);
        }
        assert_eq!(retry.failed(false), UNANSWERED_MOST / 2);
        assert_eq!(retry.failed(true), REFUSED_MOST / 2);
        retry.answered();
        assert_eq!(retry.failed(false), RETRY_PAUSE / 2);
    }
}
