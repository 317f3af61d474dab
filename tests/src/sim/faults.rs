//! What may strike a cluster: the hazards that random plans are drawn from.

use super::cluster::Shape;
use super::etcd::{store_strikes, ETCD};
use super::masters;
use libproc::sim::{Hazards, Strike};
use std::time::Duration;

/// Everything that the cluster has to bear: the ways between its parts, its machines, their clocks,
/// the agents' disks, and the store. Each kind strikes twice, within 90 s, and lasts for 40 s at
/// most: longer than a lease, than a connection that is silent, than a task.
pub fn hazards(shape: Shape) -> Hazards {
    let masters: Vec<String> = (0..masters::MASTERS.len()).map(masters::name).collect();
    let mut hazards = Hazards::default();
    for at in 0..shape.agents {
        let agent = format!("agent-{at}");
        hazards.machine(&agent);
        for master in &masters {
            hazards.between(&agent, master);
        }
    }
    for at in 0..shape.frameworks {
        let framework = format!("framework-{at}");
        hazards.life(&framework).clocks(&framework);
        for master in &masters {
            hazards.between(&framework, master);
        }
    }
    for master in masters {
        hazards.life(&master).clocks(&master);
        let etcd = || ETCD.to_owned();
        hazards.may(Strike::Partition(master.clone(), etcd()));
        hazards.may(Strike::Cut(master.clone(), etcd()));
        hazards.may(Strike::Cut(etcd(), master));
    }
    hazards.strikes.extend(store_strikes());
    hazards.count = 2 * hazards.kinds().len();
    hazards.within = Duration::from_secs(90);
    hazards.longest = Duration::from_secs(40);
    hazards
}
