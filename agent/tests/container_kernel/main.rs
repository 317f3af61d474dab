//! Containers on the real kernel.
//!
//! The launcher needs a program that has `container-init`, so this test is that program: it runs
//! itself as the supervisor and as launching agents that die. Hence its own `main` instead of the
//! harness; it takes a filter and `--list` like one, and runs its tests one after the other.
//!
//! Tests wait on levels with a deadline. Without root the cgroup tests assert the degraded path
//! and say so.

#![allow(clippy::disallowed_methods, reason = "the real kernel runs on real time")]

mod cgroup;
mod fixture;
mod kill;
mod launch;
mod recovery;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;
use std::process::ExitCode;

use meseta_agent::container::init;

type Test = (&'static str, fn());

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some(init::SUBCOMMAND) => init::main(Path::new(&args[2]), inside),
        Some("launch-and-leave") => fixture::launch_and_leave(Path::new(&args[2])),
        Some("prepare-and-leave") => fixture::prepare_and_leave(Path::new(&args[2])),
        Some("helper") => {
            println!("helper {:?}", &args[2..]);
            ExitCode::SUCCESS
        }
        _ => run(&args[1..]),
    }
}

/// What this program runs in a container without executing itself.
fn inside(args: &[String]) -> Option<init::Inside> {
    match args.first()?.as_str() {
        "inside" => Some(fixture::inside),
        "inside-panics" => Some(|| panic!("on purpose")),
        _ => None,
    }
}

fn run(args: &[String]) -> ExitCode {
    let tests: Vec<Test> = [launch::TESTS, kill::TESTS, recovery::TESTS, cgroup::TESTS].concat();
    let given = |flag: &str| args.iter().any(|arg| arg == flag);
    // A runner that asks for the ignored ones is told that there are none.
    if given("--ignored") {
        return ExitCode::SUCCESS;
    }
    if given("--list") {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let filter = args.iter().find(|arg| !arg.starts_with('-'));
    let wanted = |name: &str| {
        filter.is_none_or(|part| if given("--exact") { name == part } else { name.contains(part) })
    };
    let (mut passed, mut failed) = (0, Vec::new());
    for (name, test) in tests.into_iter().filter(|(name, _)| wanted(name)) {
        // Which helps to find the one that hangs.
        print!("test {name} ... ");
        let _ = std::io::Write::flush(&mut std::io::stdout());
        if catch_unwind(AssertUnwindSafe(test)).is_ok() {
            println!("ok");
            passed += 1;
        } else {
            println!("FAILED");
            failed.push(name);
        }
    }
    println!("\ntest result: {passed} passed; {} failed {failed:?}", failed.len());
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
