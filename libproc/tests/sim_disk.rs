//! The simulated disk: what a crash leaves, and what a bad disk does.
mod common;
mod sim_world;
use common::*;
use libproc::sim::{DiskFault, Machine, Sim};
use libproc::Node;
use sim_world::{MILLI, SECOND};
use std::collections::BTreeSet;
use std::future::Future;
use std::path::Path;

fn machine(seed: u64) -> (Sim, Machine, Node) {
    let mut sim = Sim::new(seed);
    let machine = sim.machine("m", "10.0.0.1:1");
    let node = sim.start(machine, listening("m"));
    (sim, machine, node)
}

/// Runs a future of a node for a second of virtual time; what it gave by then.
fn within_a_second<T: Send + 'static>(
    sim: &mut Sim,
    node: &Node,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let given = std::sync::Arc::new(std::sync::Mutex::new(None));
    let slot = given.clone();
    node.spawn_future(async move {
        let outcome = work.await;
        *slot.lock().unwrap() = Some(outcome);
    });
    sim.run_for(SECOND);
    let given = given.lock().unwrap().take();
    given
}

fn read(sim: &mut Sim, node: &Node, path: &str) -> Option<String> {
    let reading = node.disk().read(Path::new(path));
    let content = within_a_second(sim, node, reading).expect("it takes milliseconds").unwrap();
    content.map(|content| String::from_utf8(content).unwrap())
}

/// Writes; then what is wrong, if anything is.
fn write(sim: &mut Sim, node: &Node, path: &str, content: &str) -> Result<(), String> {
    let writing = node.disk().write(Path::new(path), content.into());
    within_a_second(sim, node, writing).expect("it takes milliseconds").map_err(|e| e.to_string())
}

fn append(sim: &mut Sim, node: &Node, path: &str, content: &str) -> Result<(), String> {
    let writing = node.disk().append(Path::new(path), content.into());
    within_a_second(sim, node, writing).expect("it takes milliseconds").map_err(|e| e.to_string())
}

#[test]
fn what_a_crash_interrupts_is_old_new_or_torn_and_what_was_done_stays() {
    let (mut writes, mut appends) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..60 {
        let (mut sim, machine, node) = machine(seed);
        write(&mut sim, &node, "/w", "old").unwrap();
        write(&mut sim, &node, "/a", "1").unwrap();
        let disk = node.disk();
        let both = [
            disk.write("/w".as_ref(), b"new".to_vec()),
            disk.append("/a".as_ref(), b"23".to_vec()),
        ];
        for one in both {
            node.spawn_future(async move { one.await.unwrap() });
        }
        // Each takes at least a hundred microseconds.
        sim.run_for(MILLI / 20);
        sim.crash(machine);
        let node = sim.start(machine, listening("m"));
        writes.insert(read(&mut sim, &node, "/w").unwrap());
        appends.insert(read(&mut sim, &node, "/a").unwrap());
    }
    assert_eq!(Vec::from_iter(writes), ["new", "old"]);
    assert_eq!(Vec::from_iter(appends), ["1", "12", "123"]);
}

#[test]
fn a_bad_disk_says_so_and_does_what_each_fault_says() {
    let (mut sim, machine, node) = machine(1);
    write(&mut sim, &node, "/f", "kept").unwrap();
    let fault = |sim: &mut Sim, fault, on| sim.disk_fault(machine, fault, on);

    fault(&mut sim, DiskFault::WritesFail, true);
    assert!(write(&mut sim, &node, "/f", "x").unwrap_err().contains("input/output"));
    assert_eq!(read(&mut sim, &node, "/f").as_deref(), Some("kept"));
    fault(&mut sim, DiskFault::WritesFail, false);

    fault(&mut sim, DiskFault::Full, true);
    assert!(write(&mut sim, &node, "/f", "x").unwrap_err().contains("no space"));
    assert!(append(&mut sim, &node, "/f", "0123456789").unwrap_err().contains("no space"));
    let torn = read(&mut sim, &node, "/f").unwrap();
    assert!("kept0123456789".starts_with(&torn), "{torn}");
    let removing = node.disk().remove("/f".as_ref());
    within_a_second(&mut sim, &node, removing).unwrap().unwrap();
    fault(&mut sim, DiskFault::Full, false);
    assert_eq!(read(&mut sim, &node, "/f"), None);

    fault(&mut sim, DiskFault::ReadsFail, true);
    let reading = node.disk().read("/f".as_ref());
    assert!(within_a_second(&mut sim, &node, reading).unwrap().is_err());
    let listing = node.disk().list("/".as_ref());
    assert!(within_a_second(&mut sim, &node, listing).unwrap().is_err());
    write(&mut sim, &node, "/f", "written").unwrap();
    fault(&mut sim, DiskFault::ReadsFail, false);
    assert_eq!(read(&mut sim, &node, "/f").as_deref(), Some("written"));

    fault(&mut sim, DiskFault::Slow(3 * SECOND), true);
    let reading = node.disk().read("/f".as_ref());
    assert!(within_a_second(&mut sim, &node, reading).is_none());
    assert!(sim.log().iter().any(|line| line.contains("* disk of m: no space left")));
}

#[test]
fn what_was_not_synced_is_there_until_the_machine_stops() {
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let (mut sim, machine, node) = machine(seed);
        write(&mut sim, &node, "/f", "old").unwrap();
        sim.disk_fault(machine, DiskFault::SyncsFail, true);
        assert!(write(&mut sim, &node, "/f", "new").unwrap_err().contains("fsync"));
        let read_after = read(&mut sim, &node, "/f").unwrap();
        sim.disk_fault(machine, DiskFault::SyncsFail, false);
        let node = sim.start(machine, listening("m"));
        assert_eq!(read(&mut sim, &node, "/f").as_deref(), Some("old"));
        seen.insert(read_after);
    }
    assert_eq!(Vec::from_iter(seen), ["new", "old"], "as if before or after the rename");
}

#[test]
fn a_lie_is_found_out_only_by_a_stop_before_its_end() {
    for (ended, kept) in [(true, Some("new")), (false, Some("old"))] {
        let (mut sim, machine, node) = machine(1);
        write(&mut sim, &node, "/f", "old").unwrap();
        sim.disk_fault(machine, DiskFault::SyncsLie, true);
        write(&mut sim, &node, "/f", "new").unwrap();
        assert_eq!(read(&mut sim, &node, "/f").as_deref(), Some("new"));
        if ended {
            sim.disk_fault(machine, DiskFault::SyncsLie, false);
        }
        let node = sim.start(machine, listening("m"));
        assert_eq!(read(&mut sim, &node, "/f").as_deref(), kept);
    }
}
