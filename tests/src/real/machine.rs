//! What the kernel says of processes and cgroups.

use std::path::{Path, PathBuf};

const CGROUPS: &str = "/sys/fs/cgroup";

/// The processes whose command line or environment names `dir`: daemons, supervisors, executors,
/// and tasks, which are told their sandbox. Not this process.
pub fn processes_of(dir: &Path) -> Vec<i32> {
    let dir = dir.as_os_str().as_encoded_bytes();
    let names = |pid: i32, file: &str| {
        let text = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        text.windows(dir.len()).any(|part| part == dir)
    };
    let mine = std::process::id().cast_signed();
    let named = |pid: &i32| *pid != mine && (names(*pid, "cmdline") || names(*pid, "environ"));
    processes().into_iter().filter(named).collect()
}

/// Every process of the machine.
fn processes() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").expect("/proc");
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Whether there is such a process that has not ended: a zombie has.
pub fn lives(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().unwrap_or_default();
    !state.is_empty() && !state.starts_with(['Z', 'X'])
}

/// The cgroup folders of the agent on `port`, one per hierarchy; of each cluster of ours.
pub fn cgroups(port: u16) -> Vec<PathBuf> {
    let of = |root: PathBuf| {
        let folder = root.join(format!("meseta/meseta-{port}"));
        Some(folder).filter(|folder| folder.is_dir())
    };
    let hierarchies = std::fs::read_dir(CGROUPS).into_iter().flatten().flatten();
    let roots = hierarchies.map(|entry| entry.path()).chain([PathBuf::from(CGROUPS)]);
    let mut found: Vec<PathBuf> = roots.filter_map(of).collect();
    // `cpu` and `cpuacct` may be links to one hierarchy.
    found.sort();
    found
}

/// The containers of which the agent on `port` has cgroups.
pub fn containers(port: u16) -> Vec<String> {
    let mut names = Vec::new();
    for folder in cgroups(port) {
        let children = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let children = children.filter(|child| child.file_type().is_ok_and(|kind| kind.is_dir()));
        names.extend(children.filter_map(|child| child.file_name().into_string().ok()));
    }
    // The supervisors' own cgroup stays with the agent.
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names.dedup();
    names
}

/// Where a process is in the hierarchy of a controller: on version 2, in the one there is.
pub fn cgroup_of(pid: i32, controller: &str) -> PathBuf {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("it lives");
    let fields = |line: &'_ str| {
        let mut fields = line.splitn(3, ':').skip(1).map(str::to_owned);
        Some((fields.next()?, fields.next()?))
    };
    let lines: Vec<(String, String)> = text.lines().filter_map(fields).collect();
    let of_v1 = lines.iter().find(|(names, _)| names.split(',').any(|name| name == controller));
    match of_v1 {
        Some((_, path)) => Path::new(CGROUPS).join(controller).join(&path[1..]),
        None => {
            let v2 = lines.iter().find(|(names, _)| names.is_empty());
            let (_, path) = v2.unwrap_or_else(|| panic!("no controller {controller}:\n{text}"));
            Path::new(CGROUPS).join(&path[1..])
        }
    }
}

/// The number in a file of a cgroup.
pub fn number(folder: &Path, file: &str) -> u64 {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.trim().parse().unwrap_or_else(|_| panic!("{}: {text:?}", path.display()))
}
