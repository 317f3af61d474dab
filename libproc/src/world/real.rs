//! The real World: this machine's clocks, the kernel's entropy, its disk, TCP.

use super::disk::RealDisk;
use super::{Disk, World};
use crate::net::{tcp, DialError, Target};
use crate::node::Node;
use crate::peer::Peer;
use crate::runtime::{self, Home};
use crate::time::{Instant, Timestamp};
use futures_util::future::BoxFuture;
use nix::time::{clock_gettime, ClockId};
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct Real {
    random: SystemRandom,
    home: Home,
}

impl Real {
    #[allow(clippy::disallowed_methods, reason = "the real World is where entropy comes from")]
    pub(crate) fn new() -> Self {
        Real { random: SystemRandom::new(), home: Home::here() }
    }
}

/// Neither clock can fail on Linux for a valid id; zero is the answer if it did.
fn clock(id: ClockId) -> u64 {
    clock_gettime(id).map_or(0, |time| Duration::from(time).as_nanos() as u64)
}

impl World for Real {
    fn now(&self) -> Instant {
        Instant::from_nanos(clock(ClockId::CLOCK_MONOTONIC))
    }

    fn coarse_now(&self) -> Instant {
        Instant::from_nanos(clock(ClockId::CLOCK_MONOTONIC_COARSE))
    }

    fn wall(&self) -> Timestamp {
        Timestamp(clock(ClockId::CLOCK_REALTIME))
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        // getrandom(2) does not fail once the kernel is up; ids must not silently repeat.
        assert!(self.random.fill(bytes).is_ok(), "the kernel gives no random numbers");
    }

    #[allow(clippy::disallowed_methods, reason = "the real World is where the clock is read")]
    fn sleep(&self, delay: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(delay))
    }

    fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(RealDisk)
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        runtime::spawn(future);
    }

    fn spawn_home(&self, future: BoxFuture<'static, ()>) {
        self.home.spawn(future);
    }

    fn dial(&self, node: Node, target: Target) -> BoxFuture<'static, Result<Arc<Peer>, DialError>> {
        if self.home.is_here() {
            return Box::pin(tcp::dial(node, target));
        }
        // A connection lives on the node's own thread, whoever asks for it.
        let (done, dialled) = tokio::sync::oneshot::channel();
        let address = target.address.clone();
        self.home.spawn(async move {
            let _ = done.send(tcp::dial(node, target).await);
        });
        Box::pin(async move {
            let lost = || DialError::Connect { address, cause: "the node has ended".into() };
            dialled.await.unwrap_or_else(|_| Err(lost()))
        })
    }
}
