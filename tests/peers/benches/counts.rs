//! T9 in instructions: what a tell and a ping cost on a machine that anything else may use, and
//! what the flight recorder adds. Runs itself under `valgrind --tool=callgrind`, twice per figure
//! with different amounts of work, and takes the difference.

#![allow(clippy::disallowed_methods, reason = "a bench reads its arguments and runs programs")]

#[path = "peers/local/on_actix.rs"]
#[allow(dead_code, reason = "of the whole bench, a part")]
mod on_actix;
#[path = "peers/local/on_libproc.rs"]
#[allow(dead_code, reason = "of the whole bench, a part")]
mod on_libproc;
mod support;

use std::process::{Command, ExitCode};
use support::record::{Figure, Run, Target};

/// Operations per burst, and bursts of the shorter and of the longer run.
const OPERATIONS: u64 = 1000;
const BURSTS: [u64; 2] = [5, 25];
/// What the recorder may add to a tell.
const RECORDED: f64 = 1.05;

fn work(what: &str, bursts: u64) {
    libproc::run(async {
        match what {
            "actix_tell" | "actix_ping" => {
                let pair = on_actix::Pair::start();
                for _ in 0..bursts {
                    match what {
                        "actix_tell" => pair.tells(OPERATIONS).await,
                        _ => pair.pings(OPERATIONS).await,
                    }
                }
            }
            _ => {
                let last = if what.starts_with("recorded") { 64 } else { 0 };
                let pair = on_libproc::Pair::start_recorded(last).await;
                for _ in 0..bursts {
                    match what.ends_with("tell") {
                        true => pair.tells(OPERATIONS).await,
                        false => pair.pings(OPERATIONS).await,
                    }
                }
            }
        }
    });
}

/// Instructions of a run of this very program.
fn collected(what: &str, bursts: u64) -> std::io::Result<f64> {
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["--count", what, &bursts.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&ran.stderr);
    let line = said.lines().find_map(|line| line.split_once("Collected : "));
    line.and_then(|(_, count)| count.trim().parse().ok())
        .ok_or_else(|| std::io::Error::other(format!("valgrind counted nothing: {said}")))
}

fn per_operation(what: &str) -> std::io::Result<f64> {
    let [short, long] = BURSTS;
    let more = collected(what, long)? - collected(what, short)?;
    Ok(more / ((long - short) * OPERATIONS) as f64)
}

fn figures(run: &mut Run) -> std::io::Result<()> {
    let mut figure = |id, what, value, peer, target| {
        let (unit, more) = ("instructions", Vec::new());
        run.figure(Figure { id, what, value, unit, peer: Some(peer), target, more });
    };
    let (tell, ping) = (per_operation("own_tell")?, per_operation("own_ping")?);
    let actix = per_operation("actix_tell")?;
    figure("T9/tell/count", "tell, one thread", tell, ("actix", actix), Target::TimesPeer(1.3));
    let actix = per_operation("actix_ping")?;
    figure("T9/ping/count", "tell and tell back", ping, ("actix", actix), Target::TimesPeer(1.3));
    let (id, target) = ("T9/recorded/count", Target::TimesPeer(RECORDED));
    let recorded = per_operation("recorded_tell")?;
    figure(id, "tell, with the flight recorder", recorded, ("off", tell), target);
    let recorded = per_operation("recorded_ping")?;
    let (id, what) = ("T9/recorded_ping/count", "there and back, recorded");
    figure(id, what, recorded, ("off", ping), Target::None);
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, what, bursts] = arguments.as_slice() {
        if flag == "--count" {
            work(what, bursts.parse().unwrap_or(0));
            return ExitCode::SUCCESS;
        }
    }
    let mut run = Run::begin("counts");
    if let Err(error) = figures(&mut run) {
        eprintln!("counts: {error}");
        return ExitCode::FAILURE;
    }
    run.end()
}
