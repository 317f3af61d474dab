//! What an idle process weighs: the growth of the resident set by many of them, with sixteen bytes
//! of state and a stored address each, in an OS process of its own.

use crate::contest::{By, Contest, Quantity, Row, Who, ACTIX, KAMEO, RACTOR, TOKIO};
use crate::local::{on_actix, on_kameo, on_libproc, on_ractor, on_tokio};
use crate::support::machine::resident;
use crate::support::record::Target;
use std::process::{Command, ExitCode};

/// As many as the target speaks of.
const MILLION: usize = 1_000_000;
/// Of those that weigh several times as much: what one of them weighs is the same.
const FEWER: usize = 100_000;

const OTHERS: [(Who, usize); 4] =
    [(TOKIO, MILLION), (ACTIX, MILLION), (RACTOR, FEWER), (KAMEO, FEWER)];

pub(crate) fn row() -> Row {
    let mut contest = Contest::default();
    contest.own(weighed("libproc", MILLION));
    for (who, count) in OTHERS {
        contest.other(who, weighed(who.name, count));
    }
    contest.row(&Quantity {
        id: "T9/bytes",
        what: "an idle process",
        unit: "bytes",
        scale: 1.0,
        by: By::Quiet,
        against: ACTIX,
        target: Target::AtMost(1000.0),
    })
}

/// As this very program weighs them.
fn weighed(who: &str, count: usize) -> f64 {
    let program = std::env::current_exe().expect("this program has a path");
    let ran = Command::new(program).args(["--weigh", who, &count.to_string()]).output();
    let said = ran.expect("it runs");
    assert!(said.status.success(), "{who}: {}", String::from_utf8_lossy(&said.stderr));
    let text = String::from_utf8_lossy(&said.stdout);
    text.trim().parse().expect("it says a number")
}

/// Prints the bytes of one.
pub(crate) fn weigh(who: &str, count: &str) -> ExitCode {
    let Ok(count) = count.parse::<usize>() else {
        return ExitCode::FAILURE;
    };
    let bytes = libproc::run(async {
        Some(match who {
            "libproc" => {
                let nursery = on_libproc::Nursery::new(count).await;
                let before = resident();
                let alive = nursery.spawn().await;
                let after = resident();
                drop(alive);
                after - before
            }
            "tokio" => grown(count, async |alive| on_tokio::spawn(count, alive).await).await,
            "actix" => grown(count, async |alive| on_actix::spawn(count, alive).await).await,
            "ractor" => grown(count, async |alive| on_ractor::spawn(count, alive).await).await,
            "kameo" => grown(count, async |alive| on_kameo::spawn(count, alive).await).await,
            _ => return None,
        })
    });
    match bytes {
        Some(bytes) => {
            println!("{}", bytes as f64 / count as f64);
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    }
}

/// Bytes by which the resident set grows while they are started.
async fn grown<T>(count: usize, spawn: impl AsyncFnOnce(&mut Vec<T>)) -> u64 {
    let mut alive = Vec::with_capacity(count);
    let before = resident();
    spawn(&mut alive).await;
    let after = resident();
    drop(alive);
    after - before
}
