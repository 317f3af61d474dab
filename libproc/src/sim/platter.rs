//! What is on a machine's disk, what is only in its memory, and what is still being done.

use super::Rng;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A change to files.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Write(PathBuf, Vec<u8>),
    Append(PathBuf, Vec<u8>),
    Remove(PathBuf),
}

/// The files of one machine.
#[derive(Default)]
pub(crate) struct Platter {
    durable: BTreeMap<PathBuf, Vec<u8>>,
    /// What is read instead until the machine stops: of files that were not synced. None: removed.
    cached: BTreeMap<PathBuf, Option<Vec<u8>>>,
    /// Begun, and not known to be done.
    open: BTreeMap<u64, Change>,
    next: u64,
}

impl Platter {
    pub(crate) fn read(&self, path: &Path) -> Option<&Vec<u8>> {
        match self.cached.get(path) {
            Some(cached) => cached.as_ref(),
            None => self.durable.get(path),
        }
    }

    /// Every file that is there, in order.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let uncached = self.durable.keys().filter(|path| !self.cached.contains_key(*path));
        let cached = self.cached.iter().filter(|(_, content)| content.is_some());
        let mut paths: Vec<&PathBuf> = uncached.chain(cached.map(|(path, _)| path)).collect();
        paths.sort_unstable();
        paths.into_iter()
    }

    pub(crate) fn begin(&mut self, change: Change) -> u64 {
        self.next += 1;
        self.open.insert(self.next, change);
        self.next
    }

    /// Ends what was begun, if the machine has not stopped since.
    pub(crate) fn end(&mut self, id: u64) -> Option<Change> {
        self.open.remove(&id)
    }

    /// Done and synced.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Write(path, content) => {
                self.cached.remove(&path);
                self.durable.insert(path, content);
            }
            Change::Append(path, more) => {
                let mut content = self.read(&path).cloned().unwrap_or_default();
                content.extend(more);
                self.cached.remove(&path);
                self.durable.insert(path, content);
            }
            Change::Remove(path) => {
                self.cached.retain(|file, _| !file.starts_with(&path));
                self.durable.retain(|file, _| !file.starts_with(&path));
            }
        }
    }

    /// Done, and gone if the machine stops before [`Platter::sync`].
    pub(crate) fn cache(&mut self, change: Change) {
        match change {
            Change::Write(path, content) => {
                self.cached.insert(path, Some(content));
            }
            Change::Append(path, more) => {
                let mut content = self.read(&path).cloned().unwrap_or_default();
                content.extend(more);
                self.cached.insert(path, Some(content));
            }
            Change::Remove(path) => {
                let gone: Vec<PathBuf> =
                    self.paths().filter(|file| file.starts_with(&path)).cloned().collect();
                self.cached.extend(gone.into_iter().map(|file| (file, None)));
            }
        }
    }

    /// What was only in memory is durable.
    pub(crate) fn sync(&mut self) {
        for (path, content) in std::mem::take(&mut self.cached) {
            match content {
                Some(content) => self.durable.insert(path, content),
                None => self.durable.remove(&path),
            };
        }
    }

    /// A first part of what an append was to write, as a crash or a full disk leaves it.
    pub(crate) fn tear(&mut self, change: Change, rng: &mut Rng) {
        if let Change::Append(path, mut content) = change {
            content.truncate(rng.below(content.len() as u64 + 1) as usize);
            if !content.is_empty() {
                self.apply(Change::Append(path, content));
            }
        }
    }

    /// The machine stops: what was not synced is lost; what was being done is done, or not, or,
    /// where files grow, in part.
    pub(crate) fn stop(&mut self, rng: &mut Rng) {
        self.cached.clear();
        for change in std::mem::take(&mut self.open).into_values() {
            match (&change, rng.below(2)) {
                (Change::Append(..), _) => self.tear(change, rng),
                (_, 0) => self.apply(change),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &str, content: &str) -> Change {
        Change::Write(path.into(), content.into())
    }

    fn append(path: &str, content: &str) -> Change {
        Change::Append(path.into(), content.into())
    }

    fn read(platter: &Platter, path: &str) -> Option<String> {
        platter.read(path.as_ref()).map(|content| String::from_utf8(content.clone()).unwrap())
    }

    #[test]
    fn what_was_not_synced_is_read_until_the_machine_stops() {
        let mut platter = Platter::default();
        platter.apply(write("/a", "old"));
        platter.apply(write("/b", "b"));
        platter.cache(append("/a", "er"));
        platter.cache(Change::Remove("/b".into()));
        platter.cache(write("/c", "c"));
        assert_eq!(read(&platter, "/a").as_deref(), Some("older"));
        assert_eq!(read(&platter, "/b"), None);
        let paths: Vec<_> = platter.paths().map(|p| p.display().to_string()).collect();
        assert_eq!(paths, ["/a", "/c"]);
        platter.stop(&mut Rng::new(1));
        assert_eq!(read(&platter, "/a").as_deref(), Some("old"));
        assert_eq!((read(&platter, "/b").as_deref(), read(&platter, "/c")), (Some("b"), None));
        platter.cache(Change::Remove("/b".into()));
        platter.sync();
        platter.stop(&mut Rng::new(1));
        assert_eq!(read(&platter, "/b"), None);
    }

    #[test]
    fn a_stop_leaves_old_new_or_a_part() {
        let (mut writes, mut appends) = (Vec::new(), Vec::new());
        for seed in 0..40 {
            let mut platter = Platter::default();
            platter.apply(write("/w", "old"));
            platter.apply(write("/a", "x"));
            platter.begin(write("/w", "new"));
            platter.begin(append("/a", "yz"));
            platter.stop(&mut Rng::new(seed));
            writes.push(read(&platter, "/w").unwrap());
            appends.push(read(&platter, "/a").unwrap());
        }
        for found in [&mut writes, &mut appends] {
            found.sort();
            found.dedup();
        }
        assert_eq!(writes, ["new", "old"]);
        assert_eq!(appends, ["x", "xy", "xyz"]);
    }
}
