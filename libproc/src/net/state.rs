//! What a node's port keeps between connections: [`NetState`].

use super::bodies::Bodies;
use super::guests::Guests;
use super::tls::Tls;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Notices kept apart; whoever makes up more of them is not logged any more, only counted.
const NOTICES: usize = 1024;

/// As much of one is kept.
const NOTICE: usize = 256;

/// Certificates, guests, counts, and what was logged already.
#[derive(Default)]
pub(crate) struct NetState {
    tls: OnceLock<Tls>,
    guests: Arc<Guests>,
    bodies: Arc<Bodies>,
    tally: Tally,
    noticed: Mutex<BTreeSet<String>>,
}

/// Counts of what happened at the port.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) tls_handshakes: AtomicU64,
    pub(crate) tls_failures: AtomicU64,
    /// Clients that did not speak TLS to a port that does.
    pub(crate) tls_plain: AtomicU64,
    pub(crate) tls_reloads: AtomicU64,
    pub(crate) tls_reload_failures: AtomicU64,
    /// Requests that need a certificate and came without one.
    pub(crate) uncertified: AtomicU64,
    /// Handshakes that did not end in time.
    pub(crate) late: AtomicU64,
    /// Peers that were not let in.
    pub(crate) refused: AtomicU64,
    /// Connections over a limit.
    pub(crate) overflown: AtomicU64,
    /// Requests whose bodies were refused because others held all room.
    pub(crate) too_much: AtomicU64,
}

impl NetState {
    pub(crate) fn set_tls(&self, tls: Tls) {
        if self.tls.set(tls).is_err() {
            tracing::warn!("a node reads its certificates for the first time once");
        }
    }

    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.get()
    }

    pub(crate) fn guests(&self) -> &Arc<Guests> {
        &self.guests
    }

    pub(crate) fn bodies(&self) -> &Arc<Bodies> {
        &self.bodies
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether this is said for the first time: so that who tries again and again fills no log.
    pub(crate) fn is_news(&self, notice: &str) -> bool {
        // What tells them apart comes first; the rest may be a client's, as long as it likes.
        let notice = notice.chars().take(NOTICE).collect();
        let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        noticed.len() < NOTICES && noticed.insert(notice)
    }

    /// What `/metrics` shows of it.
    pub(crate) fn metrics(&self) -> Vec<(String, f64)> {
        let tally = &self.tally;
        let counts = [
            ("tls_handshakes", &tally.tls_handshakes),
            ("tls_handshakes_failed", &tally.tls_failures),
            ("tls_plain_clients", &tally.tls_plain),
            ("tls_reloads", &tally.tls_reloads),
            ("tls_reloads_failed", &tally.tls_reload_failures),
            ("requests_uncertified", &tally.uncertified),
            ("handshakes_late", &tally.late),
            ("handshakes_refused", &tally.refused),
            ("connections_over_limit", &tally.overflown),
            ("requests_over_limit", &tally.too_much),
        ];
        let counts = counts.map(|(name, count)| (name, count.load(Relaxed) as f64));
        let now = [
            ("handshakes_under_way", self.guests.strangers() as f64),
            ("request_bodies_bytes", self.bodies.held() as f64),
        ];
        let all = counts.into_iter().chain(now);
        all.map(|(name, value)| (format!("libproc/{name}"), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_no_news_and_what_is_kept_of_it_is_bounded() {
        let state = NetState::default();
        assert!(state.is_news("a") && !state.is_news("a") && state.is_news("b"));
        let long = "x".repeat(10_000);
        assert!(state.is_news(&long) && !state.is_news(&format!("{long}y")));
        let news = (0..10_000).filter(|n| state.is_news(&n.to_string())).count();
        assert_eq!(news, NOTICES - 3);
        assert!(state.noticed.lock().unwrap().iter().all(|kept| kept.len() <= NOTICE));
    }
}
