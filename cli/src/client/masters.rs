//! From `--master` to addresses that can be dialled.

use anyhow::{bail, Context};
use libproc::Node;
use meseta_node::election::detect::EtcdAccess;
use meseta_node::election::{detect, Detection, LeaderStream, Masters};
use std::time::Duration;

/// How long etcd may take to name a leader.
const DETECT_WITHIN: Duration = Duration::from_secs(10);

/// `host:port` of each master; of an etcd URL, of the present leader.
pub async fn addresses(
    masters: &Masters,
    cluster: &str,
    node: &Node,
) -> anyhow::Result<Vec<String>> {
    Ok(watch(masters, cluster, node).await?.0)
}

/// The same, and the leaders to come, which only etcd tells.
pub async fn watch(
    masters: &Masters,
    cluster: &str,
    node: &Node,
) -> anyhow::Result<(Vec<String>, Leaders)> {
    let access =
        EtcdAccess { cluster: cluster.parse().context("--cluster")?, ..EtcdAccess::default() };
    match detect(masters, access) {
        Detection::Ask(list) => Ok((list.iter().map(ToString::to_string).collect(), Leaders(None))),
        Detection::Watch(leaders) => {
            let mut leaders = Leaders(Some(leaders));
            tokio::select! { biased;
                leader = leaders.next() => Ok((vec![leader], leaders)),
                () = node.sleep(DETECT_WITHIN) => {
                    bail!("{masters} named no leader within {} s", DETECT_WITHIN.as_secs())
                }
            }
        }
    }
}

/// Each leader that etcd names.
pub struct Leaders(Option<LeaderStream>);

impl Leaders {
    /// `host:port` of the next one; never, of masters that were listed. Safe to drop and call again.
    pub async fn next(&mut self) -> String {
        match &mut self.0 {
            None => std::future::pending().await,
            Some(leaders) => loop {
                if let Some(leader) = leaders.next().await {
                    return leader.address;
                }
            },
        }
    }
}
