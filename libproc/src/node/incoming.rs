//! What the receiving side of a transport remembers of one connection: the routes that its peer has
//! named, and the long frames that are under way in parts. It belongs to whoever reads, not to the
//! connection: its entrances hold processes, those their node, and that its connections.
//!
//! A route is resolved once, to the door of its receiver and the decoder of its type, and again
//! when a process of this node has started or ended since. All of it is bounded, whatever a peer
//! names: [`MAX_ROUTES`](crate::wire::MAX_ROUTES) routes, and the bounds of `wire/chunks.rs`.

use super::credit::Ledger;
use super::peers::Connection;
use crate::id::{Address, IdError, ProcessId};
use crate::peer::Sender;
use crate::pid::Entrance;
use crate::wire::{Assembly, EnvelopeError, Names, Route};
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct Incoming {
    /// By number less one.
    routes: Vec<Option<Arrival>>,
    /// The latest of the routes that have no number.
    passing: Option<Arrival>,
    pub(super) assembly: Assembly,
}

/// A route of the peer's, as this node sees it.
pub(super) struct Arrival {
    pub(super) to: ProcessId,
    pub(super) from: Sender,
    /// The sending process, to which an answer goes.
    pub(super) asker: ProcessId,
    pub(super) wire: Box<str>,
    pub(super) variant: Box<str>,
    ledger: Arc<Ledger>,
    /// The way in, as of a state of the node's table of processes; `None` if nobody was there.
    pub(super) entrance: Option<Box<dyn Entrance>>,
    /// The state, 0 before the first.
    pub(super) as_of: u64,
}

impl Arrival {
    fn new(connection: &Arc<Connection>, names: &Names<'_>) -> Result<Self, IdError> {
        let (to, asker) = (ProcessId::new(names.to)?, ProcessId::new(names.from)?);
        let ledger = connection.ledger(&to);
        let peer = connection.peer.clone();
        let address = Address { node: peer.node, id: asker.clone() };
        Ok(Arrival {
            to,
            from: Sender::new(address, peer),
            asker,
            wire: names.wire.into(),
            variant: names.variant.into(),
            ledger,
            entrance: None,
            as_of: 0,
        })
    }

    fn is(&self, names: &Names<'_>) -> bool {
        self.to.as_str() == names.to
            && self.asker.as_str() == names.from
            && *self.wire == *names.wire
            && *self.variant == *names.variant
    }

    /// As [`Ledger::book`]; the ledger, if it was booked.
    pub(super) fn book(&self, payload: usize) -> Option<Arc<Ledger>> {
        self.ledger.book(payload).then(|| self.ledger.clone())
    }
}

/// Why a frame's route cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RouteError {
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    #[error("a frame names a process by an impossible id")]
    Id(#[from] IdError),
}

impl Incoming {
    /// The arrival of a route, noted if it has names.
    pub(super) fn arrival(
        &mut self,
        connection: &Arc<Connection>,
        route: &Route<'_>,
    ) -> Result<&mut Arrival, RouteError> {
        let unknown = |number: u32| EnvelopeError::UnknownRoute(u64::from(number));
        match *route {
            Route::Known(number) => {
                let found = self.slot(number).and_then(|slot| slot.as_mut());
                found.ok_or_else(|| unknown(number).into())
            }
            Route::Named(0, names) => {
                let again = self.passing.take().filter(|passing| passing.is(&names));
                let arrival = match again {
                    Some(arrival) => arrival,
                    None => Arrival::new(connection, &names)?,
                };
                Ok(self.passing.insert(arrival))
            }
            Route::Named(number, names) => {
                let arrival = Arrival::new(connection, &names)?;
                // No number is read that is larger than MAX_ROUTES.
                let length = self.routes.len().max(number as usize);
                self.routes.resize_with(length, || None);
                let slot = self.slot(number).ok_or_else(|| unknown(number))?;
                Ok(slot.insert(arrival))
            }
        }
    }

    fn slot(&mut self, number: u32) -> Option<&mut Option<Arrival>> {
        self.routes.get_mut((number as usize).checked_sub(1)?)
    }
}
