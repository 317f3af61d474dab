//! LP-07 in part: a process that is never out of messages keeps neither timers nor others waiting.
mod common;
use common::*;
use libproc::{Context, Process, Receive, Sender};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Duration;

/// Sends itself the next message before it is done with one.
struct Flooded(Arc<AtomicU64>, Arc<AtomicBool>);
struct Again;

impl Process for Flooded {
    const NAME: &'static str = "flooded";
}

impl Receive<Again> for Flooded {
    fn receive(&mut self, _: Again, _: &Sender, cx: &mut Context<Self>) {
        self.0.fetch_add(1, Relaxed);
        if !self.1.load(Relaxed) {
            let me = cx.me().clone();
            cx.tell(&me, Again);
        }
    }
}

#[test]
fn a_flooded_process_yields() {
    libproc::run(async {
        let mut stage = Stage::Tcp;
        let pair = stage.pair().await;
        let (count, enough) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let flooded = pair.client.spawn("flooded", Flooded(count.clone(), enough.clone()));
        flooded.unwrap().tell(Again);
        // A timer, a local message, and a whole trip over the network.
        act(&pair.asker, |_, cx| {
            cx.after(Duration::from_millis(5), Say::Number(1));
        });
        pair.ask(Question::Double(4), WITHIN);
        stage
            .until("the others run", || pair.here.has("number 1") && pair.here.has("answer Ok(8)"))
            .await;
        assert!(count.load(Relaxed) > 1000, "it was flooded meanwhile");
        enough.store(true, Relaxed);
    });
}
