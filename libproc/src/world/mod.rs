//! Everything that is not computation: clock, entropy, disk, network. One trait, two worlds: the
//! real one, and the simulator's. No other code reads a clock, draws a random number, touches a
//! file or opens a socket.

mod disk;
mod real;

pub use disk::Disk;
pub(crate) use real::Real;

use crate::net::{DialError, Target};
use crate::node::Node;
use crate::peer::Peer;
use crate::time::{Instant, Timestamp};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

pub(crate) trait World: Send + Sync {
    fn now(&self) -> Instant;
    /// At most a few milliseconds behind [`World::now`].
    fn coarse_now(&self) -> Instant;
    fn wall(&self) -> Timestamp;
    fn fill_random(&self, bytes: &mut [u8]);
    fn sleep(&self, delay: Duration) -> BoxFuture<'static, ()>;
    fn disk(&self) -> Arc<dyn Disk>;
    /// Runs a future on the present thread.
    fn spawn(&self, future: BoxFuture<'static, ()>);
    /// Runs a future on the thread that the node was started on.
    fn spawn_home(&self, future: BoxFuture<'static, ()>) {
        self.spawn(future);
    }
    fn dial(&self, node: Node, target: Target) -> BoxFuture<'static, Result<Arc<Peer>, DialError>>;
    /// The simulated node behind this world, if it is one.
    #[cfg(feature = "sim")]
    fn sim(&self) -> Option<&crate::sim::SimNode> {
        None
    }
}
