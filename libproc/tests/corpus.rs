//! The corpus of the fuzz target of this crate, replayed through the same check.

#[path = "../../fuzz/checks/replay.rs"]
mod replay;

#[test]
fn frames() {
    replay::replay("frames", libproc::fuzzing::check);
}

/// For `make miri`, which takes a thousand times as long: each seed as it is.
#[test]
fn the_codec_reads_every_seed() {
    let seeds = replay::seeds("frames");
    seeds.iter().for_each(|(_, seed)| libproc::fuzzing::codec(seed));
}
