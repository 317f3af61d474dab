//! The process `system` of each daemon's node: what metrics say of the machine (MET-14).

use libproc::{Node, Observation, Process, SpawnError};
use nix::sys::sysinfo::sysinfo;

struct System;

/// Shows the machine in a node's metrics from now on.
pub fn watch(node: &Node) -> Result<(), SpawnError> {
    node.spawn(System::NAME, System).map(|_| ())
}

impl Process for System {
    const NAME: &'static str = "system";

    fn observe(&self, seen: &mut Observation) {
        if let Ok(cpus) = std::thread::available_parallelism() {
            seen.metric("system/cpus_total", cpus.get() as f64);
        }
        let Ok(info) = sysinfo() else {
            return;
        };
        let (one, five, fifteen) = info.load_average();
        for (name, value) in [
            ("load_1min", one),
            ("load_5min", five),
            ("load_15min", fifteen),
            ("mem_total_bytes", info.ram_total() as f64),
            ("mem_free_bytes", info.ram_unused() as f64),
        ] {
            seen.metric(format!("system/{name}"), value);
        }
    }
}
