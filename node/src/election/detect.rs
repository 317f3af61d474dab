//! Finding the leader without being a candidate: [`detect()`].

use super::etcd::{Entropy, LeaderKeyWatch, Retry};
use super::leader::LeaderInfo;
use super::masters::Masters;
use crate::store::address::{ClusterName, HostPort};
use crate::store::etcd::{Credentials, Endpoints, EtcdConfig, TlsFiles, DEFAULT_TTL};
use crate::store::real;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A watch that says nothing for this long is checked by a read. Long, because a large cluster
/// has thousands of detectors, and an agent also notices its master's silence by itself.
const QUIET: Duration = Duration::from_secs(15);

/// How a leader is found.
#[derive(Debug)]
pub enum Detection {
    /// Ask each of these masters; each names the leader.
    Ask(Vec<HostPort>),
    /// The leader and its successors.
    Watch(LeaderStream),
}

/// How to reach an etcd cluster that is named by a URL.
#[derive(Clone, Debug, Default)]
pub struct EtcdAccess {
    /// The cluster, unless the URL names one.
    pub cluster: ClusterName,
    /// For etcd's own authentication.
    pub user: Option<Credentials>,
    /// Speak TLS, with these files.
    pub tls: Option<TlsFiles>,
}

/// Finds the leader among `masters`. With an etcd URL this must be called on a tokio runtime;
/// `entropy` then keeps those apart who lost one etcd together.
pub fn detect(masters: &Masters, access: EtcdAccess, entropy: Entropy) -> Detection {
    match masters {
        Masters::Listed(list) | Masters::Https(list) => Detection::Ask(list.clone()),
        Masters::Etcd(url) => {
            let cluster = url.cluster.clone().unwrap_or(access.cluster);
            let mut config = EtcdConfig::new(url.endpoints.clone(), cluster, DEFAULT_TTL);
            config.user = access.user;
            config.tls = access.tls;
            Detection::Watch(LeaderStream::start(Endpoints::new(config), entropy))
        }
    }
}

/// The leader as etcd has it, following every change. While etcd is away the last known leader
/// stands, since an outage of etcd ends nothing. Dropping it stops the watch.
#[derive(Debug)]
pub struct LeaderStream {
    /// `None` until etcd answered once.
    leader: watch::Receiver<Option<Option<LeaderInfo>>>,
    task: JoinHandle<()>,
}

impl LeaderStream {
    /// Watches the leader key of the endpoints' cluster; `entropy` as for [`detect()`].
    pub fn start(endpoints: Endpoints, entropy: Entropy) -> Self {
        let (sender, leader) = watch::channel(None);
        let task = real::spawn(async move {
            let mut watch = LeaderKeyWatch::new(endpoints, QUIET, Retry::patient(entropy));
            loop {
                let found = Some(watch.next().await.and_then(|holder| holder.info));
                sender.send_if_modified(|known| {
                    let changed = *known != found;
                    *known = found;
                    changed
                });
            }
        });
        LeaderStream { leader, task }
    }

    /// The current leader; `None` while nobody leads, and until etcd answered once.
    pub fn now(&self) -> Option<LeaderInfo> {
        self.leader.borrow().clone().flatten()
    }

    /// The current leader at first, then each change: `None` while nobody leads. Several changes
    /// between two calls are one. Safe to drop and call again.
    pub async fn next(&mut self) -> Option<LeaderInfo> {
        loop {
            if self.leader.changed().await.is_err() {
                // The task ends only with this stream, or if it panicked.
                std::future::pending::<()>().await;
            }
            if let Some(leader) = self.leader.borrow_and_update().clone() {
                return leader;
            }
        }
    }
}

impl Drop for LeaderStream {
    fn drop(&mut self) {
        self.task.abort();
    }
}
