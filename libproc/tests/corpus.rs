//! The corpus of the fuzz target of this crate, replayed through the same check.

#[path = "../../fuzz/checks/replay.rs"]
mod replay;

#[test]
fn frames() {
    replay::replay("frames", libproc::fuzzing::check);
}
