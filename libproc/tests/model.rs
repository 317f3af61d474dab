//! Every interleaving of the threads that share a mailbox or a bell, tried by a model checker. Their
//! files are compiled again here, with the checker's lock and atomics in place of std's.
#![allow(dead_code, unreachable_pub, reason = "the files have more than is modelled here")]

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
}
#[path = "../src/chain.rs"]
mod chain;
#[path = "../src/mailbox.rs"]
mod mailbox;
#[path = "../src/ready.rs"]
mod ready;

use chain::Batch;
use loom::sync::Arc;
use loom::thread;
use mailbox::{Entry, Limit, Mailbox, Mark, Refused};
use ready::{Manner, Ready, Ring};
use std::collections::VecDeque;

const WIDE: Limit = Limit { messages: 100, bytes: 100 };

fn put(mailbox: &Mailbox<u64>, message: u64, limit: Option<Limit>) -> Result<bool, Refused<u64>> {
    let entry = Entry { bytes: 1, limit, by: 0 };
    let mark = || Mark { now: 0, alarm: WIDE };
    mailbox.put(message, |message, _| message, &entry, mark).map(|placed| placed.wakes)
}

/// What a host and the senders of one process share.
struct Shop {
    mailbox: Mailbox<u64>,
    ready: Ready<()>,
    /// Rings that were not yet answered, as a thread's event loop would see them.
    rings: loom::sync::atomic::AtomicUsize,
}

impl Shop {
    /// A process that runs nothing yet, on a thread that sleeps.
    fn new() -> Self {
        let shop = Shop {
            mailbox: Mailbox::new(),
            ready: Ready::new(),
            rings: loom::sync::atomic::AtomicUsize::new(0),
        };
        assert!(!shop.mailbox.take(&mut Batch::default()));
        assert!(!shop.ready.take(&mut VecDeque::new()));
        shop
    }

    fn ring(&self) {
        self.rings.fetch_add(1, loom::sync::atomic::Ordering::SeqCst);
    }

    /// Tells at once; from outside of every process.
    fn tell(&self, message: u64) {
        if put(&self.mailbox, message, None) == Ok(true)
            && self.ready.push((), Manner::AtOnce) == Ring::Now
        {
            self.ring();
        }
    }

    /// A step that tells `messages` and rings at its end.
    fn step(&self, messages: &[u64]) {
        let mut promised = false;
        for message in messages {
            if put(&self.mailbox, *message, None) == Ok(true) {
                let manner = if promised { Manner::AsPromised } else { Manner::Later };
                match self.ready.push((), manner) {
                    Ring::Now => self.ring(),
                    Ring::Promised => promised = true,
                    Ring::No => {}
                }
            }
        }
        if promised && self.ready.kept() {
            self.ring();
        }
    }

    /// What the host does when it was rung: runs until nothing is ready.
    fn turn(&self, heard: &mut Vec<u64>) {
        let (mut turns, mut batch) = (VecDeque::new(), Batch::default());
        while self.ready.take(&mut turns) {
            while turns.pop_front().is_some() {
                while self.mailbox.take(&mut batch) {
                    while let Some(message) = batch.pop() {
                        self.mailbox.began(1);
                        heard.push(message);
                    }
                }
            }
        }
    }

    /// Turns as often as it was rung, up to so many messages.
    fn serve(&self, count: usize) -> Vec<u64> {
        let mut heard = Vec::new();
        while heard.len() < count {
            if self.rings.swap(0, loom::sync::atomic::Ordering::SeqCst) > 0 {
                self.turn(&mut heard);
            } else {
                thread::yield_now();
            }
        }
        heard
    }
}

/// Two senders, one of them in steps: nothing is lost, nobody sleeps on a message, and each
/// sender's messages come in its order.
#[test]
fn whatever_is_told_is_heard_in_its_senders_order() {
    let mut model = loom::model::Builder::new();
    // Of all interleavings those with up to three forced switches: seconds instead of hours.
    model.preemption_bound = Some(3);
    model.check(|| {
        let shop = Arc::new(Shop::new());
        let (one, two) = (shop.clone(), shop.clone());
        let outside = thread::spawn(move || one.tell(10));
        let inside = thread::spawn(move || two.step(&[20, 21]));
        let heard = shop.serve(3);
        outside.join().unwrap();
        inside.join().unwrap();
        let at = |message| heard.iter().position(|heard| *heard == message).unwrap();
        assert_eq!(heard.len(), 3);
        assert!(at(20) < at(21) && at(10) < 3, "{heard:?}");
        let queue = shop.mailbox.queue(0);
        assert_eq!((queue.messages, queue.bytes, queue.handled), (0, 0, 3));
    });
}

/// A step that tells while the thread sleeps rings once, however much it tells.
#[test]
fn a_step_rings_at_most_once_while_the_thread_sleeps() {
    loom::model(|| {
        let shop = Arc::new(Shop::new());
        let there = shop.clone();
        let sender = thread::spawn(move || there.step(&[1, 2, 3]));
        sender.join().unwrap();
        assert_eq!(shop.rings.load(loom::sync::atomic::Ordering::SeqCst), 1);
        assert_eq!(shop.serve(3), [1, 2, 3]);
    });
}

/// Of two senders at the brink of a limit one is refused, and what is counted fits it.
#[test]
fn a_limit_holds_under_a_race() {
    loom::model(|| {
        let limit = Some(Limit { messages: 1, bytes: 100 });
        let mailbox = Arc::new(Mailbox::new());
        let there = mailbox.clone();
        let other = thread::spawn(move || put(&there, 1, limit).is_ok());
        let mine = put(&mailbox, 2, limit).is_ok();
        let theirs = other.join().unwrap();
        assert!(mine != theirs, "both or neither were taken");
        let queue = mailbox.queue(0);
        assert_eq!((queue.messages, queue.rejected), (1, 1));
    });
}

/// A message meets the end of its process: it is handled, left over, or given back.
#[test]
fn an_end_loses_nothing_unseen() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::new());
        let there = mailbox.clone();
        let sender = thread::spawn(move || put(&there, 7, None));
        let mut batch = Batch::default();
        let taken = mailbox.take(&mut batch);
        let left = mailbox.close();
        let seen = usize::from(taken) + usize::from(!left.is_empty());
        let back = matches!(sender.join().unwrap(), Err(Refused::Closed(7)));
        assert_eq!(seen + usize::from(back), 1);
    });
}

/// Senders that are named only where they change: whoever takes out knows each message's.
#[test]
fn a_message_without_a_name_is_of_the_sender_before_it() {
    fn send(mailbox: &Mailbox<(usize, Option<usize>)>, by: usize) {
        for _ in 0..2 {
            let entry = Entry { bytes: 1, limit: None, by };
            let named = |message, again: bool| (message, (!again).then_some(by));
            assert!(mailbox.put(by, named, &entry, || Mark { now: 0, alarm: WIDE }).is_ok());
        }
    }
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::new());
        let there = mailbox.clone();
        let sender = thread::spawn(move || send(&there, 1));
        let (mut batch, mut current, mut heard) = (Batch::default(), None::<usize>, 0);
        let mut hear = |batch: &mut Batch<(usize, Option<usize>)>| {
            while let Some((message, named)) = batch.pop() {
                current = named.or(current);
                assert_eq!(current, Some(message));
                heard += 1;
            }
        };
        send(&mailbox, 2);
        mailbox.take(&mut batch);
        hear(&mut batch);
        sender.join().unwrap();
        mailbox.take(&mut batch);
        hear(&mut batch);
        assert_eq!(heard, 4);
    });
}
