//! What `/proc` says about processes: who is who, and who descends from whom.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::pidfd::PidFd;
use super::records::ProcessRecord;

/// Identifies this boot of the kernel.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// The fields of `/proc/<pid>/stat` that this module uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) state: u8,
    pub(crate) parent: i32,
    pub(crate) session: i32,
    pub(crate) start_time: u64,
}

impl Stat {
    /// Whether the process still runs; a zombie waits only for its parent.
    pub(crate) fn alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// The process' stat, or `None` when there is no such process.
pub(crate) fn stat(pid: i32) -> io::Result<Option<Stat>> {
    let text = match std::fs::read(Path::new("/proc").join(pid.to_string()).join("stat")) {
        Ok(bytes) => bytes,
        // ESRCH: it ended between open and read.
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                || error.raw_os_error() == Some(libc::ESRCH) =>
        {
            return Ok(None)
        }
        Err(error) => return Err(error),
    };
    let broken = || io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat"));
    parse_stat(&text).map(Some).ok_or_else(broken)
}

/// A process may name itself `) Z 1 (`, so fields are counted from the last parenthesis.
fn parse_stat(text: &[u8]) -> Option<Stat> {
    let after = text.iter().rposition(|&b| b == b')')? + 1;
    let rest = std::str::from_utf8(text.get(after..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Stat {
        state: *fields.first()?.as_bytes().first()?,
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start_time: fields.get(19)?.parse().ok()?,
    })
}

/// The identity of a live process.
pub(crate) fn record(pid: i32) -> io::Result<Option<ProcessRecord>> {
    Ok(stat(pid)?.map(|stat| ProcessRecord { pid, start_time: stat.start_time }))
}

/// A grip on the very process of `record`, or `None` when it has ended.
///
/// The pidfd is opened first and the start time compared after, so the number cannot change hands
/// in between.
pub(crate) fn find(record: ProcessRecord) -> io::Result<Option<PidFd>> {
    let Some(fd) = PidFd::open(record.pid)? else {
        return Ok(None);
    };
    Ok(match stat(record.pid)? {
        Some(stat) if stat.start_time == record.start_time && stat.alive() => Some(fd),
        _ => None,
    })
}

/// Every process of the machine that can be seen.
pub(crate) fn snapshot() -> io::Result<BTreeMap<i32, Stat>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some(stat) = stat(pid)? {
            all.insert(pid, stat);
        }
    }
    Ok(all)
}

/// The live descendants of `root`, itself excluded.
pub(crate) fn descendants(all: &BTreeMap<i32, Stat>, root: i32) -> Vec<ProcessRecord> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for (&pid, stat) in all {
        children.entry(stat.parent).or_default().push(pid);
    }
    let mut found = Vec::new();
    let mut next = vec![root];
    while let Some(parent) = next.pop() {
        // Taken out, so that a snapshot torn by reuse of a number cannot make a loop.
        for pid in children.remove(&parent).unwrap_or_default() {
            if all[&pid].alive() {
                found.push(ProcessRecord { pid, start_time: all[&pid].start_time });
            }
            next.push(pid);
        }
    }
    found
}

/// Sends `signal` to each of `targets` that still is who it was. Says which refused.
pub(crate) fn signal_each(targets: &[ProcessRecord], signal: i32) -> Vec<(i32, io::Error)> {
    let mut refused = Vec::new();
    for &target in targets {
        let sent = find(target).and_then(|found| found.map_or(Ok(()), |fd| fd.signal(signal)));
        if let Err(error) = sent {
            refused.push((target.pid, error));
        }
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_does_not_shift_the_fields() {
        let text = b"7 (a) Z 1 () S 3 4 5 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0";
        let stat = parse_stat(text).unwrap();
        assert_eq!(stat, Stat { state: b'S', parent: 3, session: 5, start_time: 99 });
    }

    #[test]
    fn descendants_are_found_through_the_dead_and_end() {
        let of = |parent, state| Stat { state, parent, session: 0, start_time: 1 };
        let all = BTreeMap::from([
            (2, of(1, b'S')),
            (3, of(2, b'Z')),
            (4, of(3, b'R')),
            (5, of(1, b'R')),
            (6, of(7, b'R')),
            (7, of(6, b'R')),
        ]);
        let pids: Vec<i32> = descendants(&all, 2).iter().map(|found| found.pid).collect();
        assert_eq!(pids, [4]);
        assert_eq!(descendants(&all, 6).len(), 2);
    }
}
