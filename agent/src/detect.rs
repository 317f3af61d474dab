//! What this machine has, for an agent that was not told (RES-05). Read once by whoever builds the
//! configuration; the agent's process never looks.

use meseta_api::resources::Resources;
use std::path::Path;

/// Left for the system, in MB, where there is at least twice as much.
const SYSTEM_MEMORY: u64 = 1024;
/// Left for the system, in MB, where there is at least twice as much.
const SYSTEM_DISK: u64 = 5 * 1024;
/// Offered where the machine does not say: cpus, MB of memory, MB of disk.
const FALLBACK: (u64, u64, u64) = (1, 1024, 10 * 1024);
/// The ports that the reference offers.
const PORTS: &str = "[31000-32000]";

/// `--resources` completed: what it does not name is detected, with `work_dir` telling which disk.
///
/// A text that cannot be read is given back as it is, for [`crate::AgentConfig`] to refuse.
pub fn resources(given: &str, work_dir: &Path) -> String {
    let Ok(named) = Resources::parse(given) else {
        return given.to_owned();
    };
    let mut parts: Vec<String> = Some(given.trim().trim_end_matches(';').to_owned())
        .filter(|g| !g.is_empty())
        .into_iter()
        .collect();
    let missing = |name: &str| !named.names().any(|known| known.as_str() == name);
    if missing("cpus") {
        parts.push(format!("cpus:{}", cpus().unwrap_or(FALLBACK.0)));
    }
    if missing("mem") {
        let free = memory_mb().map(|total| after_system(total, SYSTEM_MEMORY));
        parts.push(format!("mem:{}", free.unwrap_or(FALLBACK.1)));
    }
    if missing("disk") {
        let free = disk_mb(work_dir).map(|total| after_system(total, SYSTEM_DISK));
        parts.push(format!("disk:{}", free.unwrap_or(FALLBACK.2)));
    }
    if missing("ports") {
        parts.push(format!("ports:{PORTS}"));
    }
    parts.join(";")
}

/// What is left when the system has its share; half of a machine that is too small for that.
fn after_system(total: u64, system: u64) -> u64 {
    if total >= 2 * system {
        total - system
    } else {
        total / 2
    }
}

fn cpus() -> Option<u64> {
    let count = std::thread::available_parallelism().ok()?.get();
    u64::try_from(count).ok()
}

fn memory_mb() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes / 1024)
}

/// Size of the file system of `path`, or of its nearest parent that is there.
fn disk_mb(path: &Path) -> Option<u64> {
    let there = path.ancestors().find(|path| path.exists())?;
    let found = nix::sys::statvfs::statvfs(there).ok()?;
    let bytes = u128::from(found.blocks()) * u128::from(found.fragment_size());
    u64::try_from(bytes >> 20).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn res_05_the_system_keeps_its_share() {
        assert_eq!(after_system(4096, SYSTEM_MEMORY), 3072);
        assert_eq!(after_system(2048, SYSTEM_MEMORY), 1024);
        assert_eq!(after_system(1000, SYSTEM_MEMORY), 500);
        assert_eq!(after_system(20_480, SYSTEM_DISK), 15_360);
    }

    #[test]
    fn res_05_only_what_is_not_named_is_detected() {
        let text = resources("cpus:3;mem:64", Path::new("/nonexistent/x"));
        let found = Resources::parse(&text).unwrap();
        assert_eq!((found.cpus().millis(), found.mem().millis()), (3000, 64_000));
        assert!(!found.disk().is_zero() && text.ends_with("ports:[31000-32000]"), "{text}");
        assert_eq!(resources("cpus:x:y", Path::new("/")), "cpus:x:y");
    }
}
