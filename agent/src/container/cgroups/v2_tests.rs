//! Paths and values of version 2 on a folder that looks like its file system.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::super::spec::ContainerId;
use super::super::{CgroupError, CgroupVersion, CgroupsConfig, ContainerCgroup};
use super::*;

const LEVELS: [&str; 3] = ["", "meseta", "meseta/c-5051"];
const LEAF: &str = "meseta/c-5051/task-1";
const LEAF_FILES: [&str; 7] = [
    "cgroup.procs",
    "cgroup.kill",
    "cpu.weight",
    "cpu.max",
    "memory.max",
    "memory.low",
    "memory.oom.group",
];

/// A root with the files that the kernel would make in each new folder.
struct Tree {
    root: PathBuf,
}

impl Tree {
    fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("v2-{name}-{}", std::process::id()));
        let tree = Tree { root };
        for level in LEVELS {
            tree.put(&format!("{level}/cgroup.controllers"), "cpuset cpu io memory pids\n");
            tree.put(&format!("{level}/cgroup.subtree_control"), "");
        }
        fs::create_dir_all(tree.root.join("meseta/c-5051/.supervisors")).unwrap();
        for file in LEAF_FILES {
            tree.put(&format!("{LEAF}/{file}"), "");
        }
        tree
    }

    fn put(&self, file: &str, value: &str) {
        let path = self.root.join(file.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, value).unwrap();
    }

    fn get(&self, file: &str) -> String {
        fs::read_to_string(self.root.join(file.trim_start_matches('/'))).unwrap()
    }

    fn cgroup(&self) -> ContainerCgroup {
        let version = CgroupVersion::V2 { root: self.root.clone() };
        let config = CgroupsConfig { parent: "meseta/c-5051".to_owned(), version };
        ContainerCgroup::new(config, ContainerId::new("task-1").unwrap())
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn limits() -> CgroupLimits {
    CgroupLimits {
        cpu_millis: Some(1_500),
        cpu_quota: true,
        memory_bytes: Some(64 << 20),
        memory_soft_bytes: Some(40 << 20),
    }
}

#[test]
fn limits_are_written_below_delegated_parents() {
    let tree = Tree::new("limits");
    tree.cgroup().create(&limits()).unwrap();
    for level in LEVELS {
        assert_eq!(tree.get(&format!("{level}/cgroup.subtree_control")), "+cpu +memory", "{level}");
    }
    let leaf = |file: &str| tree.get(&format!("{LEAF}/{file}"));
    assert_eq!(leaf("cpu.weight"), "150");
    assert_eq!(leaf("cpu.max"), "150000 100000");
    assert_eq!(leaf("memory.max"), (64 << 20).to_string());
    assert_eq!(leaf("memory.low"), (40 << 20).to_string());
    assert_eq!(leaf("memory.oom.group"), "1");
}

#[test]
fn an_update_raises_the_hard_limit_and_never_lowers_it() {
    let tree = Tree::new("update");
    let cgroup = tree.cgroup();
    cgroup.create(&limits()).unwrap();
    let with = |bytes| CgroupLimits { memory_bytes: Some(bytes), ..limits() };
    cgroup.update(&with(50 << 20)).unwrap();
    assert_eq!(tree.get(&format!("{LEAF}/memory.max")), (64 << 20).to_string());
    cgroup.update(&CgroupLimits { cpu_quota: false, ..with(128 << 20) }).unwrap();
    assert_eq!(tree.get(&format!("{LEAF}/memory.max")), (128 << 20).to_string());
    assert_eq!(tree.get(&format!("{LEAF}/cpu.max")), "max 100000");
}

#[test]
fn a_missing_controller_and_an_occupied_cgroup_are_refused() {
    let tree = Tree::new("refused");
    tree.put(&format!("{LEAF}/cgroup.procs"), "4242\n");
    let occupied = tree.cgroup().create(&limits());
    assert!(matches!(occupied, Err(CgroupError::Occupied { .. })), "{occupied:?}");
    tree.put("meseta/cgroup.controllers", "cpu");
    let error = tree.cgroup().create(&limits()).unwrap_err();
    assert!(matches!(error, CgroupError::NotDelegated { controller: "memory", .. }), "{error}");
}

#[test]
fn processes_are_read_through_the_tree_and_killed_by_the_kernel() {
    let tree = Tree::new("processes");
    tree.put(&format!("{LEAF}/cgroup.procs"), "7\n0\n");
    tree.put(&format!("{LEAF}/nested/cgroup.procs"), "9\n7\n");
    let cgroup = tree.cgroup();
    assert_eq!(cgroup.processes().unwrap(), [7, 9]);
    cgroup.kill().unwrap();
    assert_eq!(tree.get(&format!("{LEAF}/cgroup.kill")), "1");
    cgroup.add(11).unwrap();
    assert_eq!(tree.get(&format!("{LEAF}/cgroup.procs")), "11");
}

#[test]
fn memory_events_tell_of_kills() {
    let tree = Tree::new("events");
    assert_eq!(tree.cgroup().oom_kills(), 0);
    tree.put(&format!("{LEAF}/memory.events"), "low 0\noom 3\noom_kill 2\noom_group_kill 1\n");
    assert_eq!(tree.cgroup().oom_kills(), 2);
}

#[test]
fn a_cgroup_that_is_gone_is_empty_killed_and_removed() {
    let tree = Tree::new("gone");
    fs::remove_dir_all(tree.root.join(LEAF)).unwrap();
    let cgroup = tree.cgroup();
    assert!(cgroup.processes().unwrap().is_empty());
    cgroup.kill().unwrap();
    cgroup.remove(clock::now()).unwrap();
    fs::create_dir_all(tree.root.join(LEAF).join("a/b")).unwrap();
    cgroup.remove(clock::now()).unwrap();
    assert!(!Path::new(&tree.root.join(LEAF)).exists());
}
