//! [`LeaderSearch`]: which master to try next. Pure; agents, frameworks and verbs search alike.

use super::masters::Masters;
use crate::store::address::HostPort;
use std::time::Duration;

/// The longest wait for the next attempt once a standby has answered: a leader is being elected,
/// which takes seconds, and whoever looks for it is idle until it is found.
const ELECTION_WAIT: Duration = Duration::from_secs(3);

/// The masters that are known, in turn, with what they say about who leads.
#[derive(Clone, Debug)]
pub struct LeaderSearch {
    /// `host:port` of every master that was configured, or of the one that is named.
    masters: Vec<String>,
    /// Whether somebody else names the leader: then nobody is known at first.
    named: bool,
    next: usize,
    /// Where the latest attempt went.
    tried: Option<String>,
    /// Who leads, as another master said; tried before the configured ones.
    hint: Option<String>,
    /// Whether a hint has been followed at once since a leader was last found: two masters that
    /// name each other are not asked at full speed.
    hinted: bool,
    /// Whether a standby has answered since a leader was last found.
    electing: bool,
}

impl LeaderSearch {
    /// Begins with the listed masters; with etcd, with nobody until [`LeaderSearch::led_by`].
    pub fn new(masters: &Masters) -> Self {
        let (masters, named) = match masters {
            Masters::Listed(list) | Masters::Https(list) => {
                (list.iter().map(HostPort::to_string).collect(), false)
            }
            Masters::Etcd(_) => (Vec::new(), true),
        };
        LeaderSearch {
            masters,
            named,
            next: 0,
            tried: None,
            hint: None,
            hinted: false,
            electing: false,
        }
    }

    /// From now on only this master, `host:port`, is tried, and whom it hints at.
    pub fn led_by(&mut self, leader: String) {
        self.masters = vec![leader];
        self.next = 0;
        self.hint = None;
    }

    /// The next one to try: a hint, else each in turn. `None` while nobody is known, which only
    /// [`LeaderSearch::led_by`] changes.
    pub fn next_master(&mut self) -> Option<String> {
        let address = self.hint.take().or_else(|| {
            let address = self.masters.get(self.next).cloned();
            self.next = (self.next + 1).checked_rem(self.masters.len()).unwrap_or(0);
            address
        })?;
        self.tried = Some(address.clone());
        Some(address)
    }

    /// Whether a leader will be named, so that it is right to wait while nobody is known.
    pub fn waits(&self) -> bool {
        self.named
    }

    /// Whether the latest attempt went to another master than the first known one.
    pub fn is_elsewhere(&self) -> bool {
        self.tried.as_ref() != self.masters.first()
    }

    /// The master that was tried does not lead, and perhaps says who does. True if that one is to
    /// be tried at once, which is what makes failover short; false if the usual wait is due.
    pub fn not_leader(&mut self, leader: Option<String>) -> bool {
        self.electing = true;
        self.hint = leader;
        let at_once = self.hint.is_some() && !self.hinted;
        self.hinted |= at_once;
        at_once
    }

    /// The master that was tried leads.
    pub fn found(&mut self) {
        self.hinted = false;
        self.electing = false;
    }

    /// Whether a standby has answered since a leader was last found: one is being elected.
    pub fn is_electing(&self) -> bool {
        self.electing
    }

    /// The longest wait before the next attempt, `usually` the given one: shorter while a leader
    /// is being elected.
    pub fn longest_wait(&self, usually: Duration) -> Duration {
        match self.electing {
            true => usually.min(ELECTION_WAIT),
            false => usually,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn search(masters: &str) -> LeaderSearch {
        LeaderSearch::new(&masters.parse().unwrap())
    }

    fn next(search: &mut LeaderSearch) -> String {
        search.next_master().expect("somebody is known")
    }

    #[test]
    fn listed_masters_take_turns() {
        let mut search = search("a:1,b:1");
        assert!(!search.waits());
        let tried: Vec<String> = (0..3).map(|_| next(&mut search)).collect();
        assert_eq!(tried, ["a:1", "b:1", "a:1"]);
    }

    #[test]
    fn one_hint_of_a_search_is_followed_at_once() {
        let mut search = search("a:1,b:1");
        next(&mut search);
        assert!(search.not_leader(Some("z:1".into())));
        assert_eq!(next(&mut search), "z:1");
        assert!(!search.not_leader(Some("a:1".into())), "they may name each other");
        assert_eq!(next(&mut search), "a:1");
        assert!(!search.not_leader(None), "nobody is named");
        assert_eq!(next(&mut search), "b:1", "the others are still there");
        search.found();
        assert!(search.not_leader(Some("z:1".into())), "this is another search");
    }

    #[test]
    fn waits_are_short_while_a_leader_is_elected() {
        let mut search = search("a:1");
        assert_eq!(search.longest_wait(MINUTE), MINUTE);
        search.not_leader(None);
        assert_eq!(search.longest_wait(MINUTE), ELECTION_WAIT);
        assert_eq!(search.longest_wait(Duration::ZERO), Duration::ZERO);
        search.found();
        assert_eq!(search.longest_wait(MINUTE), MINUTE);
    }

    #[test]
    fn with_etcd_nobody_is_known_until_a_leader_is_named() {
        let mut search = search("etcd://e");
        assert!(search.waits());
        assert_eq!(search.next_master(), None);
        search.led_by("a:1".into());
        assert!(search.is_elsewhere(), "nobody was tried yet");
        assert_eq!(next(&mut search), "a:1");
        assert_eq!(next(&mut search), "a:1");
        assert!(!search.is_elsewhere());
        search.not_leader(Some("z:1".into()));
        search.led_by("b:1".into());
        assert!(search.is_elsewhere());
        assert_eq!(next(&mut search), "b:1", "what is named outdoes a hint");
    }
}
