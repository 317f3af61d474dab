//! How many requests each principal may make (LIM-01): 429 with `Retry-After` over HTTP, a refusal
//! with the same number over libproc.
//!
//! - **State**: a [`Meter`]: for each principal when it will have its full capacity again. What it
//!   remembers of principals that no limit names is bounded, and is forgotten once it says nothing.
//! - **Fed by** every call of a scheduler and every request of an operator that the leader works
//!   for, once it is known who asks. What any master answers itself (health, version, metrics) is
//!   free, so that nobody's monitoring ends with their budget.
//! - **Emits** yes, or how long to wait; counts for metrics.
//! - **Read next**: `rate.rs` for the arithmetic, `settings.rs` for what operators write.

mod rate;
mod settings;

pub use settings::{BadLimits, RequestLimits};

use crate::actor::Master;
use libproc::{Context, Instant, Observation};
use rate::Rate;
use std::collections::BTreeMap;
use std::time::Duration;

/// Principals that no limit names and that are remembered one by one. Whoever comes when there are
/// as many, each of them in the midst of its requests, shares what [`CROWD`] may.
const MOST_OTHERS: usize = 10_000;

/// Who is not remembered one by one. A principal is never empty.
const CROWD: &str = "";

/// Too many requests.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests of {who}: try again in {} s", seconds(*retry_after))]
pub struct TooMany {
    /// Whose, for people.
    pub who: String,
    /// When the next one would be taken, if nobody who shares the limit asks meanwhile.
    pub retry_after: Duration,
}

impl TooMany {
    /// The number of this refusal, in HTTP and over libproc.
    pub const CODE: u16 = 429;
}

/// Whole seconds, never less than asked for, as `Retry-After` has them.
fn seconds(long: Duration) -> u64 {
    meseta_node::http::retry_seconds(long)
}

/// What was used of a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Used {
    /// When the whole capacity is there again; past, if nothing is used.
    full_at: Instant,
    taken: u64,
    refused: u64,
}

/// Counts the requests of each principal against its limit.
#[derive(Debug, Default)]
pub struct Meter {
    limits: RequestLimits,
    /// Of those whom a limit names; as many as these.
    named: BTreeMap<String, Used>,
    /// Of all others together.
    others: Used,
    /// When each of the others has its whole capacity again.
    each: BTreeMap<String, Instant>,
}

impl Meter {
    /// Nobody has asked anything yet.
    pub fn new(limits: RequestLimits) -> Self {
        let named = limits.named().map(|name| (name.to_owned(), Used::default())).collect();
        Meter { limits, named, ..Meter::default() }
    }

    /// Takes a request of a principal, of nobody's name where none is asked for.
    ///
    /// # Errors
    /// It is one too many; then it costs nothing.
    pub fn admit(&mut self, principal: Option<&str>, now: Instant) -> Result<(), TooMany> {
        let principal = principal.unwrap_or(CROWD);
        if let Some(used) = self.named.get_mut(principal) {
            let limit = self.limits.of(principal);
            return charge(used, limit, now).map_err(|retry_after| TooMany {
                who: format!("principal '{}'", principal.escape_debug()),
                retry_after,
            });
        }
        let (each, all) = (self.limits.each_other(), self.limits.others());
        let of_its_own = each.map(|rate| (rate, self.place(principal, now)));
        let own = of_its_own
            .as_ref()
            .map_or(Ok(None), |(rate, (_, full_at))| rate.take(*full_at, now).map(Some));
        let full_at = match own {
            Ok(full_at) => full_at,
            Err(retry_after) => {
                self.others.refused += 1;
                let who = match principal {
                    CROWD => "those without a limit of their own".to_owned(),
                    _ => format!("principal '{}'", principal.escape_debug()),
                };
                return Err(TooMany { who, retry_after });
            }
        };
        charge(&mut self.others, all, now).map_err(|retry_after| TooMany {
            who: "all that have no limit of their own, together".to_owned(),
            retry_after,
        })?;
        if let (Some((_, (key, _))), Some(full_at)) = (of_its_own, full_at) {
            self.each.insert(key, full_at);
        }
        Ok(())
    }

    /// Under whose name a principal that no limit names is counted, and since when that is full.
    fn place(&mut self, principal: &str, now: Instant) -> (String, Instant) {
        if let Some(full_at) = self.each.get(principal) {
            return (principal.to_owned(), *full_at);
        }
        if self.each.len() >= MOST_OTHERS {
            // Who has its whole capacity is as one that never asked.
            self.each.retain(|_, full_at| *full_at > now);
        }
        let key = match self.each.len() < MOST_OTHERS {
            true => principal,
            false => CROWD,
        };
        (key.to_owned(), self.each.get(key).copied().unwrap_or(now))
    }

    /// Requests taken and refused: of everybody, and of each who is named. As many metrics as
    /// there are limits.
    pub fn observe(&self, seen: &mut Observation) {
        let all = self.named.values().chain([&self.others]);
        let (taken, refused) =
            all.fold((0, 0), |(taken, refused), used| (taken + used.taken, refused + used.refused));
        seen.metric("master/requests_taken", taken as f64);
        seen.metric("master/requests_limited", refused as f64);
        let named = self.named.iter().map(|(name, used)| (name.as_str(), used));
        for (name, used) in named.filter(|_| self.limits.limit_anything()) {
            for (what, count) in [("taken", used.taken), ("limited", used.refused)] {
                let family = format!("master/principal_requests_{what}");
                let flat = format!("master/principals/{name}/requests_{what}");
                seen.labelled(family, [("principal", name)], flat, count as f64);
            }
        }
    }
}

/// Takes one of what a limit leaves.
fn charge(used: &mut Used, limit: Option<Rate>, now: Instant) -> Result<(), Duration> {
    let taken = limit.map_or(Ok(used.full_at), |rate| rate.take(used.full_at, now));
    match taken {
        Ok(full_at) => {
            used.full_at = full_at;
            used.taken += 1;
            Ok(())
        }
        Err(wait) => {
            used.refused += 1;
            Err(wait)
        }
    }
}

impl Master {
    /// Counts a request of a principal against its limit.
    pub(crate) fn admit(&self, principal: Option<&str>, cx: &Context<Self>) -> Result<(), TooMany> {
        self.meter.borrow_mut().admit(principal, cx.now())
    }
}

#[cfg(test)]
mod tests;
