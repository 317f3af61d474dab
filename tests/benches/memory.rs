//! T4: what the master's state weighs per running task and per agent. Bytes are those that live, as
//! a counting allocator sees them; the growth of the resident set, which the allocator's own
//! overhead is part of, is beside them.

#![allow(clippy::disallowed_methods, reason = "a bench reads the real clock")]

mod master_core;
mod support;

use master_core::MasterCore;
use stats_alloc::{StatsAlloc, INSTRUMENTED_SYSTEM};
use std::alloc::System;
use std::process::ExitCode;
use support::machine::resident;
use support::record::{Figure, Run, Target};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const AGENTS: usize = 1_000;
const TASKS: usize = 100_000;

/// What was there at some point.
#[derive(Clone, Copy)]
struct Weight {
    live: i64,
    resident: i64,
    allocations: i64,
}

impl Weight {
    fn now() -> Self {
        let stats = COUNTING.stats();
        Weight {
            live: stats.bytes_allocated as i64 - stats.bytes_deallocated as i64,
            resident: resident() as i64,
            allocations: stats.allocations as i64 + stats.reallocations as i64,
        }
    }

    /// Per object, since then: bytes that live, bytes resident, allocations made on the way.
    fn since(self, count: usize) -> [f64; 3] {
        let (now, count) = (Weight::now(), count as f64);
        [
            (now.live - self.live) as f64 / count,
            (now.resident - self.resident) as f64 / count,
            (now.allocations - self.allocations) as f64 / count,
        ]
    }
}

fn figure(id: &'static str, what: &'static str, most: f64, weight: [f64; 3]) -> Figure {
    let [live, resident, allocations] = weight;
    Figure {
        id,
        what,
        value: live,
        unit: "bytes",
        peer: None,
        target: Target::AtMost(most),
        more: vec![("resident", resident), ("allocations", allocations)],
    }
}

/// What was weighed, to be kept until the end.
fn master(run: &mut Run) -> MasterCore {
    let mut master = MasterCore::new();
    let before = Weight::now();
    let agents = master.agents(AGENTS);
    run.figure(figure("T4/agent", "master's state, an agent", 3_000.0, before.since(AGENTS)));
    master.framework();
    let offers = master.offers();
    assert_eq!(offers.len(), agents.len());
    let before = Weight::now();
    let mut running = 0;
    for offer in offers {
        running += master.run(&offer, TASKS / AGENTS);
    }
    assert_eq!(running, TASKS);
    let weight = before.since(TASKS);
    run.figure(figure("T4", "master's state, a running task of 10 labels", 800.0, weight));
    master
}

fn main() -> ExitCode {
    let mut run = Run::begin("memory");
    // Kept, so that what comes second has nothing to grow into.
    let _master = master(&mut run);
    run.end()
}
