//! The doors that the fuzz targets knock at, one function per target.
//!
//! What is checked behind them stands in `checks/`, and for libproc's frames in `libproc` itself,
//! so that the tests of both crates replay the corpus through the same functions on stable Rust.

#[path = "../checks/mod.rs"]
mod checks;

/// A stream of records.
pub fn recordio(input: &[u8]) {
    checks::recordio::check(input);
}

/// v1 messages in JSON.
pub fn v1_json(input: &[u8]) {
    checks::v1::json(input);
}

/// v1 messages in protobuf.
pub fn v1_protobuf(input: &[u8]) {
    checks::v1::protobuf(input);
}

/// What Meseta's components say to each other.
pub fn messagepack(input: &[u8]) {
    checks::messagepack::check(input);
}

/// What arrives on a connection between two nodes.
pub fn frames(input: &[u8]) {
    libproc::fuzzing::check(input);
}

/// The texts of `--resources` and `--attributes`, and lists of resources.
pub fn resources(input: &[u8]) {
    checks::resources::check(input);
}
