//! T9: the same small programs on libproc, on its bare engine, on bare tokio, and on packaged
//! runtimes of actors, within one OS process.
//!
//! Each has a source and a sink. A burst tells the source to begin and waits for its end, so that
//! what is measured is processes speaking to each other and not the bench speaking to them.

mod elsewhere;
pub(crate) mod on_actix;
pub(crate) mod on_kameo;
pub(crate) mod on_libproc;
pub(crate) mod on_ractor;
pub(crate) mod on_tokio;

use crate::contest::{
    burst, contest, By, Contest, Quantity, Row, ACTIX, KAMEO, PLAIN, RACTOR, TOKIO,
};
use crate::support::record::Target;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(1);
/// Messages told in one go; all wait in the mailbox before the first is handled.
const TELLS: u64 = 4096;
const PINGS: u64 = 1000;
const ASKS: u64 = 1000;
const CROSS_PINGS: u64 = 200;
const SPAWNS: usize = 1000;
/// Messages that the flight recorder keeps of each process.
const RECORDED: usize = 64;

/// Of nanoseconds, beside actix.
fn quantity(id: &'static str, what: &'static str, by: By, target: Target) -> Quantity {
    Quantity { id, what, unit: "ns", scale: 1.0, by, against: ACTIX, target }
}

/// All rows, each of so many bursts per contestant.
pub(crate) async fn rows(bursts: usize) -> Vec<Row> {
    let mut rows = one_thread(bursts).await;
    rows.extend(across_threads(bursts).await);
    rows.push(spawns(bursts).await);
    rows
}

async fn one_thread(bursts: usize) -> Vec<Row> {
    let own = on_libproc::Pair::start().await;
    let recorded = on_libproc::Pair::start_recorded(RECORDED).await;
    let (actix, tokio) = (on_actix::Pair::start(), on_tokio::Pair::start());
    let (ractor, kameo) = (on_ractor::Pair::start().await, on_kameo::Pair::start());
    let mut with_recorder = Contest::default();
    let tells = {
        let mut tells = Contest::default();
        for _ in 0..bursts {
            tells.own(burst(PAUSE, TELLS, own.tells(TELLS)).await);
            with_recorder.own(burst(PAUSE, TELLS, recorded.tells(TELLS)).await);
            tells.other(TOKIO, burst(PAUSE, TELLS, tokio.tells(TELLS)).await);
            tells.other(ACTIX, burst(PAUSE, TELLS, actix.tells(TELLS)).await);
            tells.other(RACTOR, burst(PAUSE, TELLS, ractor.tells(TELLS)).await);
            tells.other(KAMEO, burst(PAUSE, TELLS, kameo.tells(TELLS)).await);
        }
        tells
    };
    with_recorder.beside(PLAIN, tells.own_samples());
    let pings = contest!(bursts, PAUSE;
        own: PINGS, own.pings(PINGS);
        TOKIO: PINGS, tokio.pings(PINGS);
        ACTIX: PINGS, actix.pings(PINGS);
        RACTOR: PINGS, ractor.pings(PINGS);
        KAMEO: PINGS, kameo.pings(PINGS);
    );
    let asks = contest!(bursts, PAUSE;
        own: ASKS, own.asks(ASKS);
        TOKIO: ASKS, tokio.asks(ASKS);
        ACTIX: ASKS, actix.asks(ASKS);
        RACTOR: ASKS, ractor.asks(ASKS);
        KAMEO: ASKS, kameo.asks(ASKS);
    );
    let (tell, times) = ("tell, one thread", Target::TimesPeer(1.3));
    let recorder = Quantity {
        against: PLAIN,
        ..quantity("T9/recorded", "tell, recorded", By::Quiet, Target::TimesPeer(1.05))
    };
    let (ping, ask) = ("tell and tell back", "ask with a deadline");
    vec![
        tells.row(&quantity("T9/tell", tell, By::Quiet, times)),
        with_recorder.row(&recorder),
        pings.row(&quantity("T9/ping", ping, By::Quiet, Target::AtMost(450.0))),
        asks.row(&quantity("T9/ask", ask, By::Quiet, Target::None)),
    ]
}

async fn across_threads(bursts: usize) -> Vec<Row> {
    let own = on_libproc::Pair::start_across().await;
    let (actix, tokio) = (on_actix::Pair::start_across(), on_tokio::Pair::start_across());
    let (ractor, kameo) = (on_ractor::Pair::start_across().await, on_kameo::Pair::start_across());
    let tells = contest!(bursts, PAUSE;
        own: TELLS, own.tells(TELLS);
        TOKIO: TELLS, tokio.tells(TELLS);
        ACTIX: TELLS, actix.tells(TELLS);
        RACTOR: TELLS, ractor.tells(TELLS);
        KAMEO: TELLS, kameo.tells(TELLS);
    );
    let pings = contest!(bursts, PAUSE;
        own: CROSS_PINGS, own.pings(CROSS_PINGS);
        TOKIO: CROSS_PINGS, tokio.pings(CROSS_PINGS);
        ACTIX: CROSS_PINGS, actix.pings(CROSS_PINGS);
        RACTOR: CROSS_PINGS, ractor.pings(CROSS_PINGS);
        KAMEO: CROSS_PINGS, kameo.pings(CROSS_PINGS);
    );
    let (tell, ping) = ("tell, across threads", "there and back, across");
    vec![
        tells.row(&quantity("T9/cross_tell", tell, By::Quiet, Target::AtMost(250.0))),
        pings.row(&quantity("T9/cross_ping", ping, By::Loaded, Target::TimesPeer(1.3))),
    ]
}

async fn spawns(bursts: usize) -> Row {
    let count = SPAWNS as u64;
    let mut contest = Contest::default();
    for _ in 0..bursts {
        let ready = on_libproc::Nursery::new(SPAWNS).await;
        let mut alive = None;
        contest.own(burst(PAUSE, count, async { alive = Some(ready.spawn().await) }).await);
        if let Some(alive) = alive {
            alive.end().await;
        }
        let mut alive = Vec::new();
        contest.other(TOKIO, burst(PAUSE, count, on_tokio::spawn(SPAWNS, &mut alive)).await);
        drop(alive);
        let mut alive = Vec::new();
        contest.other(ACTIX, burst(PAUSE, count, on_actix::spawn(SPAWNS, &mut alive)).await);
        drop(alive);
        let mut alive = Vec::new();
        contest.other(RACTOR, burst(PAUSE, count, on_ractor::spawn(SPAWNS, &mut alive)).await);
        on_ractor::end(alive);
        let mut alive = Vec::new();
        contest.other(KAMEO, burst(PAUSE, count, on_kameo::spawn(SPAWNS, &mut alive)).await);
        drop(alive);
    }
    let what = "spawn, until it has started";
    contest.row(&quantity("T9/spawn", what, By::Quiet, Target::AtMost(1500.0)))
}
