//! Timers: once, every period, and never after they were cancelled, even when they are due.
mod common;
use common::*;
use std::time::Duration;

on_both!(
    after_fires_once,
    every_fires_until_cancelled,
    a_due_timer_can_be_cancelled,
    timers_end_with_their_process,
);

const SOON: Duration = Duration::from_millis(5);

async fn after_fires_once(mut stage: Stage) {
    let pair = stage.pair().await;
    act(&pair.asker, |_, cx| {
        cx.after(SOON * 2, Say::Number(2));
        cx.after(SOON, Say::Number(1));
    });
    stage.until("both", || pair.here.has("number 2")).await;
    stage.settle().await;
    assert_eq!(pair.here.lines(), ["number 1", "number 2"]);
}

async fn every_fires_until_cancelled(mut stage: Stage) {
    let pair = stage.pair().await;
    act(&pair.asker, |_, cx| {
        let timer = cx.every(SOON, Say::Number(1));
        cx.after(SOON * 100, Say::Number(9));
        cx.ask(&cx.me().clone(), Question::Hold, SOON * 4, move |me, _, cx| {
            cx.cancel(timer);
            me.journal.note("cancelled");
        });
    });
    stage.until("the last", || pair.here.has("number 9")).await;
    let lines = pair.here.lines();
    let cancelled = lines.iter().position(|l| l == "cancelled").unwrap();
    assert!(pair.here.count("number 1") >= 2, "{lines:?}");
    assert!(!lines[cancelled..].contains(&"number 1".to_owned()), "{lines:?}");
}

async fn a_due_timer_can_be_cancelled(mut stage: Stage) {
    let pair = stage.pair().await;
    act(&pair.asker, |_, cx| {
        // Two timers are due at once: the first cancels the second, already in the mailbox.
        let second = std::sync::Arc::new(std::sync::Mutex::new(None));
        let there = second.clone();
        let slow = cx.me().clone();
        cx.ask(&slow, Question::Hold, SOON, move |me, _, cx| {
            cx.cancel(there.lock().unwrap().take().unwrap());
            me.journal.note("cancelled");
        });
        *second.lock().unwrap() = Some(cx.after(SOON, Say::Number(1)));
        cx.after(SOON * 10, Say::Number(2));
    });
    stage.until("the last", || pair.here.has("number 2")).await;
    assert!(pair.here.has("cancelled"));
    assert!(!pair.here.has("number 1"));
}

async fn timers_end_with_their_process(mut stage: Stage) {
    let pair = stage.pair().await;
    act(&pair.asker, |_, cx| {
        cx.every(SOON, Say::Number(1));
        cx.stop(libproc::Reason::Normal);
    });
    stage.until("the end", || pair.here.has("stopped")).await;
    stage.settle().await;
    assert_eq!(pair.here.lines(), ["stopped: ended normally"]);
}
