//! How many connections may be open of whom: [`Guests`]. Pure.
//!
//! A connection is a *stranger* until its handshake is over (of TLS, then its first request or its
//! peer's proof), and a *guest* while nothing has proven who it is: HTTP without a certificate. A
//! peer that has proven itself is neither.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bounds of a node's port; past one of them a connection is closed at once, and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long each step of a handshake may take, whatever trickles in meanwhile: TLS, the head
    /// of a request, a peer's proof.
    pub handshake: Duration,
    /// How long a connection that has made a request may wait before it makes the next. Clients of
    /// the v1 API keep one for their calls and take its end for that of their subscription, however
    /// seldom they call; a machine that is gone is noticed by probes of TCP.
    pub idle: Duration,
    /// Connections of the node, dialled ones included.
    pub connections: usize,
    /// Connections whose handshake is under way.
    pub strangers: usize,
    /// The same of one address (IPv6: of one /64).
    pub strangers_per_address: usize,
    /// Connections of one address that have not proven who they are.
    pub guests_per_address: usize,
    /// Bytes of all bodies of requests that are being read or answered. Past it a request is
    /// answered 503. Half of it is for those whose head alone has let them in
    /// ([`NodeConfig::bodies`](crate::NodeConfig::bodies)).
    pub bodies: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(24 * 60 * 60),
            connections: 15_000,
            strangers: 2_048,
            // A rack of agents behind one address comes back at once after a failover.
            strangers_per_address: 512,
            // One address, be it a proxy, never takes all.
            guests_per_address: 10_000,
            // Four of the longest that there may be, or any number of usual ones.
            bodies: 256 * 1024 * 1024,
        }
    }
}

#[derive(Default)]
struct Count {
    strangers: usize,
    guests: usize,
}

#[derive(Default)]
struct Counts {
    strangers: usize,
    by_address: BTreeMap<IpAddr, Count>,
}

/// The connections of a node that have not proven who they are.
#[derive(Default)]
pub(crate) struct Guests(Mutex<Counts>);

/// One of them, counted until it is dropped.
pub(crate) struct Guest {
    guests: Arc<Guests>,
    at: IpAddr,
    stranger: bool,
}

impl Guests {
    /// Takes a new connection of an address in, or says which bound it would break.
    pub(crate) fn enter(
        self: &Arc<Self>,
        at: IpAddr,
        limits: &Limits,
    ) -> Result<Guest, &'static str> {
        let at = network(at);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.strangers >= limits.strangers {
            return Err("too many handshakes are under way");
        }
        let known = counts.by_address.get(&at);
        if known.is_some_and(|count| count.strangers >= limits.strangers_per_address) {
            return Err("too many handshakes with its address are under way");
        }
        if known.is_some_and(|count| count.guests >= limits.guests_per_address) {
            return Err("its address has too many connections that have not proven who they are");
        }
        counts.strangers += 1;
        let count = counts.by_address.entry(at).or_default();
        count.strangers += 1;
        count.guests += 1;
        Ok(Guest { guests: self.clone(), at, stranger: true })
    }

    /// Handshakes under way.
    pub(crate) fn strangers(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).strangers
    }
}

impl Guest {
    /// Whether its handshake is under way.
    pub(crate) fn is_stranger(&self) -> bool {
        self.stranger
    }

    /// Its handshake is over; who it is remains unproven.
    pub(crate) fn introduced(&mut self) {
        if std::mem::take(&mut self.stranger) {
            let mut counts = self.guests.0.lock().unwrap_or_else(PoisonError::into_inner);
            counts.strangers -= 1;
            if let Some(count) = counts.by_address.get_mut(&self.at) {
                count.strangers -= 1;
            }
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.introduced();
        let mut counts = self.guests.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.by_address.get_mut(&self.at) {
            count.guests -= 1;
            if count.guests == 0 {
                counts.by_address.remove(&self.at);
            }
        }
    }
}

/// Who has one IPv6 address has its whole /64.
fn network(at: IpAddr) -> IpAddr {
    match at.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_holds_and_is_given_back() {
        let limits = Limits {
            strangers: 3,
            strangers_per_address: 2,
            guests_per_address: 3,
            ..Limits::default()
        };
        let guests = Arc::new(Guests::default());
        let enter = |at: &str| guests.enter(at.parse().unwrap(), &limits);
        let mut first = enter("10.0.0.1").unwrap();
        let second = enter("::ffff:10.0.0.1").unwrap();
        assert!(enter("10.0.0.1").is_err_and(|why| why.contains("with its address")));
        let other = enter("fd00::1").unwrap();
        assert!(enter("10.0.0.3").is_err_and(|why| why.contains("too many handshakes are")));
        drop(other);
        first.introduced();
        first.introduced();
        assert_eq!(guests.strangers(), 1);
        let mut third = enter("10.0.0.1").unwrap();
        third.introduced();
        assert!(enter("10.0.0.1").is_err_and(|why| why.contains("not proven")));
        drop((first, second, third));
        assert_eq!(guests.strangers(), 0);
        assert!(guests.0.lock().unwrap().by_address.is_empty());
        let many: Vec<_> = ["fd00:0:0:1::1", "fd00:0:0:1::2"].map(enter).into_iter().collect();
        assert!(many.iter().all(Result::is_ok) && enter("fd00:0:0:1::3").is_err());
        assert!(enter("fd00:0:0:2::3").is_ok(), "another /64");
    }
}
