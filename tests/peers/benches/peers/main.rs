//! T9 and T9b: what libproc's messages, processes and ways to other nodes cost, beside bare tokio,
//! bare actix, ractor and kameo, in one run and one table.
//!
//! [`local`] is within one OS process, [`remote`] between two, [`weight`] what idle processes weigh.
//! This program runs itself for the far sides and for each weight.

#![allow(clippy::disallowed_methods, reason = "a bench reads the real clock and runs programs")]
#![allow(clippy::disallowed_types, reason = "the bare contestants are tokio's")]

mod contest;
mod local;
mod remote;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod weight;

use std::process::ExitCode;
use support::record::Run;

/// Bursts of each contestant of a row.
const BURSTS: usize = 150;
/// Fewer, for who tries something; then nothing is recorded.
const SHORTENED: &str = "MESETA_BENCH_BURSTS";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--far", who] => remote::far(who),
        ["--weigh", who, count] => weight::weigh(who, count),
        // Such as cargo's `--bench`.
        _ => measure(),
    }
}

fn measure() -> ExitCode {
    let mut run = Run::begin_alone("peers");
    let shortened = std::env::var(SHORTENED).ok().and_then(|bursts| bursts.parse().ok());
    let bursts = shortened.unwrap_or(BURSTS);
    if shortened.is_some() {
        run.unfit(format!("{SHORTENED} makes it short"));
    }
    // First what cannot be disturbed by what others leave behind.
    let weights = weight::row();
    let rows = libproc::run(async move {
        let mut rows = local::rows(bursts).await;
        rows.push(weights);
        rows.extend(remote::rows(bursts).await);
        rows
    });
    let table = table::table(&rows);
    rows.into_iter().for_each(|row| run.figure(row.figure));
    run.end_with(&table)
}
