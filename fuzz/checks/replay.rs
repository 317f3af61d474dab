//! Replays a corpus on stable Rust, as part of the normal test run.

use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};

/// Longest seed: every prefix and every byte of it is tried.
const MAX_SEED: usize = 2048;

/// Runs `check` on every file of `fuzz/corpus/<target>`, on every prefix of it, and on it with each
/// byte changed in one bit, in all bits, and taken out. Panics as `check` does, after naming the
/// input.
pub(crate) fn replay(target: &str, check: impl Fn(&[u8])) {
    for (path, seed) in seeds(target) {
        let name = path.display();
        let run = |what: &str, at: usize, input: &[u8]| {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(input))) {
                eprintln!("{name}, {what} {at}: {:?}", input.escape_ascii().to_string());
                resume_unwind(panic);
            }
        };
        run("whole, bytes", seed.len(), &seed);
        for at in 0..seed.len() {
            run("cut at", at, &seed[..at]);
            for mask in [1 << (at % 8), 0xff] {
                let mut changed = seed.clone();
                changed[at] ^= mask;
                run("changed at", at, &changed);
            }
            let mut shorter = seed.clone();
            shorter.remove(at);
            run("without the byte at", at, &shorter);
        }
    }
}

/// The files of `fuzz/corpus/<target>`, and what is in them.
pub(crate) fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).expect("the corpus can be listed");
    let mut paths: Vec<_> =
        entries.map(|entry| entry.expect("the corpus can be listed").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    let read = |path: PathBuf| {
        let seed = std::fs::read(&path).expect("a seed can be read");
        assert!(seed.len() <= MAX_SEED, "{} is too long for a seed", path.display());
        (path, seed)
    };
    paths.into_iter().map(read).collect()
}
