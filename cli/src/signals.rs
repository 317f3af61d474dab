//! Signals, as something to wait for.

use tokio::signal::unix::{signal, Signal, SignalKind};

/// SIGINT and SIGTERM, as one stream: either asks for an orderly end.
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Takes both from now on; must be called within `libproc::run`.
    pub fn new() -> std::io::Result<Self> {
        Ok(Interrupts {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) {
        tokio::select! { biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// SIGUSR1.
pub fn user_1() -> std::io::Result<Signal> {
    signal(SignalKind::user_defined1())
}
