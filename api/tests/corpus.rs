//! The corpora of the fuzz targets of this crate, replayed through the same checks.

#[path = "../../fuzz/checks/mod.rs"]
mod checks;
#[path = "../../fuzz/checks/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn recordio() {
    replay("recordio", checks::recordio::check);
}

#[test]
fn v1_json() {
    replay("v1_json", checks::v1::json);
}

#[test]
fn v1_protobuf() {
    replay("v1_protobuf", checks::v1::protobuf);
}

#[test]
fn messagepack() {
    replay("messagepack", checks::messagepack::check);
}

#[test]
fn resources() {
    replay("resources", checks::resources::check);
}
