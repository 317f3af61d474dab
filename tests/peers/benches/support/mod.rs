//! What these benches share with those of `tests/benches/`, from there.

#![allow(dead_code, reason = "each bench is a program of its own and uses a part")]

pub(crate) mod done;
#[path = "../../../benches/support/machine.rs"]
pub(crate) mod machine;
#[path = "../../../benches/support/pace.rs"]
pub(crate) mod pace;
#[path = "../../../benches/support/record.rs"]
pub(crate) mod record;
#[path = "../../../benches/support/stats.rs"]
pub(crate) mod stats;
