//! T9b: messages of 100 bytes to another OS process over TCP loopback, and there and back.
//!
//! The near side is the bench's thread, the far side one thread of a process of its own: this
//! program again. ractor and kameo hold one node per OS process, so there could be no other way.

mod on_kameo;
mod on_libproc;
mod on_ractor;
mod on_tokio;

use crate::contest::{contest, By, Quantity, Row, RACTOR, TOKIO};
use crate::support::record::Target;
use std::future::Future;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(5);
/// Messages of one burst: some milliseconds of work, far below what may wait for a peer.
const SENDS: u64 = 20_000;
/// As long a burst of who takes many times as long.
const FEWER: u64 = 4_000;
/// Of kameo: as many as its connection bears at once, and as often as they are acknowledged.
const FEWEST: u64 = 320;
const ROUND_TRIPS: u64 = 200;
/// Of the payload, to which each adds its envelope.
const BYTES: usize = 100;

/// The far side of one contestant; it ends with this.
struct Far {
    process: Child,
    address: String,
}

impl Far {
    fn start(who: &str) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut process = Command::new(program)
            .args(["--far", who])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let out = process.stdout.take().expect("it is piped");
        let mut address = String::new();
        BufReader::new(out).read_line(&mut address).expect("it says its address");
        assert!(!address.is_empty(), "the far side of {who} did not start");
        Far { process, address: address.trim().to_owned() }
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        // The end of its standard input is its own.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The far side's whole program: says where it listens, and goes on until nobody is there.
pub(crate) fn far(who: &str) -> ExitCode {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    match who {
        "libproc" => live(on_libproc::far()),
        "tokio" => live(on_tokio::far()),
        "ractor" => live(on_ractor::far()),
        "kameo" => live(on_kameo::far()),
        _ => {}
    }
    ExitCode::FAILURE
}

fn live<T>(start: impl Future<Output = (String, T)>) {
    libproc::run(async {
        let (address, _kept) = start.await;
        println!("{address}");
        std::future::pending::<()>().await;
    });
}

/// Both rows, each of so many bursts per contestant.
pub(crate) async fn rows(bursts: usize) -> Vec<Row> {
    let sides = ["libproc", "tokio", "ractor", "kameo"].map(Far::start);
    let [own, tokio, ractor, kameo] = sides.each_ref().map(|far| far.address.as_str());
    let own = on_libproc::Near::connect(own).await;
    let mut tokio = on_tokio::Near::connect(tokio).await;
    let ractor = on_ractor::Near::connect(ractor).await;
    let kameo = on_kameo::Near::connect(kameo).await;
    let sends = contest!(bursts, PAUSE;
        own: SENDS, own.sends(SENDS);
        TOKIO: SENDS, tokio.sends(SENDS);
        RACTOR: FEWER, ractor.sends(FEWER);
        KAMEO: FEWEST, kameo.sends(FEWEST);
    );
    let trips = contest!(bursts, PAUSE;
        own: ROUND_TRIPS, own.round_trips(ROUND_TRIPS);
        TOKIO: ROUND_TRIPS, tokio.round_trips(ROUND_TRIPS);
        RACTOR: ROUND_TRIPS, ractor.round_trips(ROUND_TRIPS);
        KAMEO: ROUND_TRIPS, kameo.round_trips(ROUND_TRIPS);
    );
    let quantity = |id, what, by, against, target| Quantity {
        id,
        what,
        unit: "us",
        scale: 1000.0,
        by,
        against,
        target,
    };
    let (one_way, back) = ("100 B to another process", "100 B there and back");
    // A fifth of what the fastest packaged way takes, or less.
    let fifth = quantity("T9b/one_way/ratio", one_way, By::Quiet, RACTOR, Target::TimesPeer(0.2));
    vec![
        sends.clone().row(&fifth),
        sends.row(&quantity("T9b/one_way", one_way, By::Quiet, TOKIO, Target::AtMost(0.8))),
        trips.row(&quantity("T9b/round_trip", back, By::Loaded, TOKIO, Target::TimesPeer(1.3))),
    ]
}
