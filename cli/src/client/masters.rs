//! From `--master` to addresses that can be dialled.

use anyhow::{bail, Context};
use libproc::Node;
use meseta_node::election::detect::EtcdAccess;
use meseta_node::election::{detect, Detection, Masters};
use std::time::Duration;

/// How long etcd may take to name a leader.
const DETECT_WITHIN: Duration = Duration::from_secs(10);

/// `host:port` of each master; of an etcd URL, of the present leader.
pub async fn addresses(
    masters: &Masters,
    cluster: &str,
    node: &Node,
) -> anyhow::Result<Vec<String>> {
    let access = EtcdAccess {
        cluster: cluster.parse().context("--cluster")?,
        ..EtcdAccess::default()
    };
    match detect(masters, access) {
        Detection::Ask(list) => Ok(list.iter().map(ToString::to_string).collect()),
        Detection::Watch(mut leaders) => {
            let found = async {
                loop {
                    if let Some(leader) = leaders.next().await {
                        return leader.address;
                    }
                }
            };
            tokio::select! { biased;
                leader = found => Ok(vec![leader]),
                () = node.sleep(DETECT_WITHIN) => {
                    bail!("{masters} named no leader within {} s", DETECT_WITHIN.as_secs())
                }
            }
        }
    }
}
