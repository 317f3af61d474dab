//! Whom a verb asks: [`Leaders`].

use libproc::Node;
use meseta_node::election::{detect, Detection, EtcdAccess, LeaderSearch, LeaderStream, Masters};

/// The masters that may lead, in the order in which they are to be asked: those that were listed,
/// or the one that etcd names at the time.
pub(super) struct Leaders {
    search: LeaderSearch,
    named: Option<LeaderStream>,
    /// Whom etcd has named last.
    known: Option<String>,
    /// How many there are to be asked; those that etcd names have no number.
    listed: Option<usize>,
    tries: usize,
}

impl Leaders {
    /// Nobody has been asked yet. Within `libproc::run`; with etcd, its watch begins.
    pub(super) fn new(masters: &Masters, etcd: EtcdAccess, node: &Node) -> Self {
        let node = node.clone();
        let (named, listed) = match detect(masters, etcd, Box::new(move || node.random_u64())) {
            Detection::Ask(list) => (None, Some(list.len())),
            Detection::Watch(stream) => (Some(stream), None),
        };
        Leaders { search: LeaderSearch::new(masters), named, known: None, listed, tries: 0 }
    }

    /// `host:port` of the next one to ask; with etcd, once it names one. Safe to drop and call
    /// again.
    pub(super) async fn next(&mut self) -> String {
        loop {
            if let Some(stream) = &mut self.named {
                let leader = stream.now().map(|leader| leader.address);
                if leader.is_some() && leader != self.known {
                    self.known.clone_from(&leader);
                    self.search.led_by(leader.unwrap_or_default());
                }
            }
            match (self.search.next_master(), &mut self.named) {
                (Some(address), _) => {
                    self.tries += 1;
                    return address;
                }
                (None, Some(stream)) => {
                    stream.next().await;
                }
                (None, None) => std::future::pending().await,
            }
        }
    }

    /// The one that was asked does not lead, and perhaps says who does: whether that one is to be
    /// asked without a pause.
    pub(super) fn not_leader(&mut self, leader: Option<String>) -> bool {
        self.search.not_leader(leader)
    }

    /// The one that was asked leads.
    pub(super) fn found(&mut self) {
        self.search.found();
        self.tries = 0;
    }

    /// Whether everybody was asked once, so that the next one is to be asked after a pause.
    pub(super) fn all_asked(&self) -> bool {
        self.listed.is_none_or(|listed| self.tries >= listed)
    }

    /// Whether it is worth asking again: a standby has answered, so that a leader is being
    /// elected, or etcd may name another one.
    pub(super) fn may_change(&self) -> bool {
        self.named.is_some() || self.search.is_electing()
    }
}
