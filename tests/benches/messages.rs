//! T9: what a message, a question, a spawn cost within one OS process, beside raw actix, raw
//! tokio and kameo. Bursts after pauses, the contestants in turn, so that the machine's moods meet all.

#![allow(clippy::disallowed_methods, reason = "a bench reads the real clock")]

mod contestants;
mod support;

use contestants::{actix_raw, kameo_raw, libproc_own, tokio_raw};
use std::future::Future;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::pace::settle;
use support::record::{Figure, Run, Target};
use support::stats::Samples;

const BURSTS: usize = 150;
const PAUSE: Duration = Duration::from_millis(1);
/// Messages told in one go; all wait in the mailbox before the first is handled.
const TELLS: u64 = 4096;
const PINGS: u64 = 1000;
const ASKS: u64 = 1000;
const CROSS_PINGS: u64 = 200;
const SPAWNS: usize = 1000;

/// Nanoseconds per operation of one burst, after a pause.
async fn burst(count: u64, work: impl Future<Output = ()>) -> f64 {
    settle(PAUSE).await;
    let began = Instant::now();
    work.await;
    began.elapsed().as_nanos() as f64 / count as f64
}

/// Who was measured, and their bursts.
struct Contest {
    own: Samples,
    actix: Samples,
    /// As they are recorded: by the names of their quiet and of their loaded cost.
    others: Vec<(&'static str, &'static str, Samples)>,
}

const TOKIO: (&str, &str) = ("tokio", "tokio_median");
const KAMEO: (&str, &str) = ("kameo", "kameo_median");

impl Contest {
    fn new(others: &[(&'static str, &'static str)]) -> Self {
        let (own, actix) = (Samples::default(), Samples::default());
        let others = others.iter().map(|(name, median)| (*name, *median, Samples::default()));
        Contest { own, actix, others: others.collect() }
    }

    fn add(&mut self, who: (&'static str, &'static str), took: f64) {
        if let Some((.., samples)) = self.others.iter_mut().find(|(name, ..)| *name == who.0) {
            samples.add(took);
        }
    }

    fn figure(self, id: &'static str, what: &'static str, target: Target) -> Figure {
        let mut more = vec![("median", self.own.median()), ("actix_median", self.actix.median())];
        for (name, median, samples) in &self.others {
            more.extend([(*name, samples.p10()), (*median, samples.median())]);
        }
        Figure {
            id,
            what,
            value: self.own.p10(),
            unit: "ns",
            peer: Some(("actix", self.actix.p10())),
            target,
            more,
        }
    }
}

/// Measures each contestant in turn, `BURSTS` times.
macro_rules! contest {
    ($count:expr, $own:expr, $actix:expr $(, $name:ident: $other:expr)*) => {{
        let mut contest = Contest::new(&[$($name),*]);
        for _ in 0..BURSTS {
            contest.own.add(burst($count, $own).await);
            contest.actix.add(burst($count, $actix).await);
            $(
                let took = burst($count, $other).await;
                contest.add($name, took);
            )*
        }
        contest
    }};
}

async fn same_thread(run: &mut Run) {
    let own = libproc_own::Pair::start().await;
    let actix = actix_raw::Pair::start();
    let (tokio, kameo) = (tokio_raw::Pair::start(), kameo_raw::Pair::start());
    let tells = contest!(
        TELLS,
        own.tells(TELLS),
        actix.tells(TELLS),
        TOKIO: tokio.tells(TELLS),
        KAMEO: kameo.tells(TELLS)
    );
    run.figure(tells.figure("T9/tell", "tell, one thread", Target::AtMost(120.0)));
    let pings = contest!(
        PINGS,
        own.pings(PINGS),
        actix.pings(PINGS),
        TOKIO: tokio.pings(PINGS),
        KAMEO: kameo.pings(PINGS)
    );
    run.figure(pings.figure("T9/ping", "tell and tell back", Target::AtMost(450.0)));
    let asks = contest!(
        ASKS,
        own.asks(ASKS),
        actix.asks(ASKS),
        TOKIO: tokio.asks(ASKS),
        KAMEO: kameo.asks(ASKS)
    );
    run.figure(asks.figure("T9/ask", "ask with a deadline", Target::None));
}

async fn across_threads(run: &mut Run) {
    let own = libproc_own::Pair::start_across().await;
    let actix = actix_raw::Pair::start_across();
    let tells = contest!(TELLS, own.tells(TELLS), actix.tells(TELLS));
    run.figure(tells.figure("T9/cross_tell", "tell, across threads", Target::AtMost(250.0)));
    let pings = contest!(CROSS_PINGS, own.pings(CROSS_PINGS), actix.pings(CROSS_PINGS));
    // Wake-ups of threads: the loaded cost is the cost.
    let mut figure =
        pings.figure("T9/cross_ping", "there and back, across", Target::TimesPeer(1.3));
    let medians = (figure.more[0].1, figure.more[1].1);
    figure
        .more
        .splice(0..2, [("p10", figure.value), ("actix_p10", figure.peer.map_or(0.0, |p| p.1))]);
    (figure.value, figure.peer) = (medians.0, Some(("actix", medians.1)));
    run.figure(figure);
}

async fn spawns(run: &mut Run) {
    let count = SPAWNS as u64;
    let mut contest = Contest::new(&[TOKIO, KAMEO]);
    for _ in 0..BURSTS {
        let ready = libproc_own::Nursery::new(SPAWNS).await;
        let mut alive = None;
        contest.own.add(burst(count, async { alive = Some(ready.spawn().await) }).await);
        if let Some(alive) = alive {
            alive.end().await;
        }
        let mut alive = Vec::new();
        contest.actix.add(burst(count, actix_raw::spawn(SPAWNS, &mut alive)).await);
        drop(alive);
        let mut alive = Vec::new();
        contest.add(TOKIO, burst(count, tokio_raw::spawn(SPAWNS, &mut alive)).await);
        drop(alive);
        let mut alive = Vec::new();
        contest.add(KAMEO, burst(count, kameo_raw::spawn(SPAWNS, &mut alive)).await);
    }
    run.figure(contest.figure("T9/spawn", "spawn, until it has started", Target::AtMost(1500.0)));
}

fn main() -> ExitCode {
    let mut run = Run::begin("messages");
    libproc::run(async {
        same_thread(&mut run).await;
        across_threads(&mut run).await;
        spawns(&mut run).await;
    });
    run.end()
}
