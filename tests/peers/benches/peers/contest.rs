//! One quantity of several contestants, in bursts by turns, so that the machine's moods meet all.

use crate::support::pace::settle;
use crate::support::record::{Figure, Target};
use crate::support::stats::Samples;
use std::future::Future;
use std::time::{Duration, Instant};

/// A contestant beside libproc, as its figures are recorded: its quiet and its loaded cost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) name: &'static str,
    median: &'static str,
}

/// Channels and tasks; between nodes a stream of frames. What nothing can be cheaper than.
pub(crate) const TOKIO: Who = Who { name: "tokio", median: "tokio_median" };
/// The engine under libproc, bare.
pub(crate) const ACTIX: Who = Who { name: "actix", median: "actix_median" };
/// Between nodes, ractor_cluster.
pub(crate) const RACTOR: Who = Who { name: "ractor", median: "ractor_median" };
/// Between nodes, its feature `remote`.
pub(crate) const KAMEO: Who = Who { name: "kameo", median: "kameo_median" };
/// libproc itself, in the row of a variant of it.
pub(crate) const PLAIN: Who = Who { name: "plain", median: "plain_median" };

/// All of them, in the order of the table.
pub(crate) const EVERYBODY: [Who; 4] = [TOKIO, ACTIX, RACTOR, KAMEO];

/// Which of the bursts counts.
#[derive(Clone, Copy)]
pub(crate) enum By {
    /// The tenth percentile: the quiet cost.
    Quiet,
    /// The median, where threads or processes wake each other: there the loaded cost is the cost.
    Loaded,
}

impl By {
    fn of(self, samples: &Samples) -> f64 {
        match self {
            By::Quiet => samples.p10(),
            By::Loaded => samples.median(),
        }
    }
}

/// What the bursts are told to be.
pub(crate) struct Quantity {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    /// Nanoseconds (or bytes) in one unit.
    pub(crate) scale: f64,
    pub(crate) by: By,
    /// Of the target, and of the record's ratio.
    pub(crate) against: Who,
    pub(crate) target: Target,
}

/// One line of the table.
pub(crate) struct Row {
    pub(crate) figure: Figure,
    /// What the others cost, in the figure's unit.
    pub(crate) others: Vec<(Who, f64)>,
}

/// What was measured so far.
#[derive(Clone, Default)]
pub(crate) struct Contest {
    own: Samples,
    others: Vec<(Who, Samples)>,
}

impl Contest {
    pub(crate) fn own(&mut self, took: f64) {
        self.own.add(took);
    }

    pub(crate) fn other(&mut self, who: Who, took: f64) {
        match self.others.iter_mut().find(|(other, _)| *other == who) {
            Some((_, samples)) => samples.add(took),
            None => self.others.push((who, Samples::from_iter([took]))),
        }
    }

    /// The same measurement of libproc as a contestant of another row.
    pub(crate) fn own_samples(&self) -> Samples {
        self.own.clone()
    }

    pub(crate) fn beside(&mut self, who: Who, samples: Samples) {
        self.others.push((who, samples));
    }

    pub(crate) fn row(self, quantity: &Quantity) -> Row {
        let (by, scale) = (quantity.by, quantity.scale);
        let others: Vec<_> =
            self.others.iter().map(|(who, samples)| (*who, by.of(samples) / scale)).collect();
        let mut more = vec![(
            match by {
                By::Quiet => "median",
                By::Loaded => "p10",
            },
            match by {
                By::Quiet => self.own.median() / scale,
                By::Loaded => self.own.p10() / scale,
            },
        )];
        for (who, samples) in &self.others {
            more.push((who.median, samples.median() / scale));
            if *who != quantity.against {
                more.push((who.name, by.of(samples) / scale));
            }
        }
        let peer = others.iter().find(|(who, _)| *who == quantity.against);
        let figure = Figure {
            id: quantity.id,
            what: quantity.what,
            value: by.of(&self.own) / scale,
            unit: quantity.unit,
            peer: peer.map(|(who, cost)| (who.name, *cost)),
            target: quantity.target,
            more,
        };
        Row { figure, others }
    }
}

/// Nanoseconds per operation of one burst, after a pause.
pub(crate) async fn burst(pause: Duration, count: u64, work: impl Future<Output = ()>) -> f64 {
    settle(pause).await;
    let began = Instant::now();
    work.await;
    began.elapsed().as_nanos() as f64 / count as f64
}

/// Measures each contestant in turn, so many times: `contest!(bursts, pause; own: count, work;
/// WHO: count, work; …)`.
macro_rules! contest {
    ($bursts:expr, $pause:expr; own: $count:expr, $own:expr $(; $who:ident: $times:expr, $other:expr)* $(;)?) => {{
        let mut contest = $crate::contest::Contest::default();
        for _ in 0..$bursts {
            contest.own($crate::contest::burst($pause, $count, $own).await);
            $(
                let took = $crate::contest::burst($pause, $times, $other).await;
                contest.other($crate::contest::$who, took);
            )*
        }
        contest
    }};
}

pub(crate) use contest;
