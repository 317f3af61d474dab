//! Who may say what to a process from outside its node.

use crate::frame::Meta;
use crate::peer::{Peer, Role};
use crate::pid::Pid;
use crate::process::{Answer, Process, Receive};
use crate::reply::Reply;
use crate::wire::{self, Header, PayloadError, Wire, WireType};
use bytes::Bytes;
use std::any::Any;
use std::collections::BTreeMap;

/// The wire enums that a process takes, each from stated roles. Empty by default.
pub struct Gate<P: Process> {
    entries: BTreeMap<&'static str, Entry<P>>,
}

type Say<P> = fn(&Pid<P>, &[u8], Meta) -> Result<(), PayloadError>;
type Ask<P> = fn(&Pid<P>, &[u8], Meta, Reply<Bytes>) -> Result<(), PayloadError>;
type Local<P> = fn(&Pid<P>, Box<dyn Any + Send>, Meta) -> bool;

struct Entry<P: Process> {
    wire: WireType,
    roles: Vec<Role>,
    say: Option<Say<P>>,
    ask: Option<Ask<P>>,
    local: Option<Local<P>>,
}

/// Why a frame did not reach the process it was for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The process, or this version of it, does not know the type or variant.
    #[error("type or variant is not known here")]
    Unsupported,
    /// The peer's role may not say this.
    #[error("role {0} may not say this")]
    Forbidden(Role),
    /// The payload is broken: the connection cannot be trusted any more.
    #[error("payload is broken")]
    Malformed(#[source] PayloadError),
}

impl<P: Process> Gate<P> {
    pub(crate) fn of() -> Self {
        let mut gate = Gate {
            entries: BTreeMap::new(),
        };
        P::gate(&mut gate);
        gate
    }

    /// Messages of `W` are taken from peers of these roles.
    pub fn receives<W: Wire>(&mut self, roles: &[Role])
    where
        P: Receive<W>,
    {
        let entry = self.entry::<W>(roles);
        entry.say = Some(|pid, payload, meta| {
            pid.tell_with(wire::decode::<W>(payload)?, meta);
            Ok(())
        });
        entry.local = Some(|pid, message, meta| match message.downcast::<W>() {
            Ok(message) => {
                pid.tell_with(*message, meta);
                true
            }
            Err(_) => false,
        });
    }

    /// Requests of `W` are taken from peers of these roles.
    pub fn answers<W: Wire>(&mut self, roles: &[Role])
    where
        P: Answer<W>,
        P::Reply: Wire,
    {
        self.entry::<W>(roles).ask = Some(|pid, payload, meta, reply| {
            let request = wire::decode::<W>(payload)?;
            pid.ask_with(request, typed(reply), meta);
            Ok(())
        });
    }

    fn entry<W: Wire>(&mut self, roles: &[Role]) -> &mut Entry<P> {
        let wire = wire::wire_type::<W>();
        let entry = self.entries.entry(wire.name).or_insert_with(|| Entry {
            wire,
            roles: Vec::new(),
            say: None,
            ask: None,
            local: None,
        });
        entry.roles.extend(roles.iter().cloned());
        entry
    }

    fn find(&self, header: &Header, peer: &Peer) -> Result<&Entry<P>, Refusal> {
        let entry = self
            .entries
            .get(header.wire.as_str())
            .ok_or(Refusal::Unsupported)?;
        if peer.role != Role::LOCAL && !entry.roles.contains(&peer.role) {
            return Err(Refusal::Forbidden(peer.role.clone()));
        }
        let known = entry.wire.variants;
        if !known.is_empty() && !known.contains(&header.variant.as_str()) {
            return Err(Refusal::Unsupported);
        }
        Ok(entry)
    }

    pub(crate) fn admit(
        &self,
        pid: &Pid<P>,
        header: &Header,
        payload: &[u8],
        meta: Meta,
        peer: &Peer,
    ) -> Result<(), Refusal> {
        let say = self.find(header, peer)?.say.ok_or(Refusal::Unsupported)?;
        say(pid, payload, meta).map_err(Refusal::Malformed)
    }

    pub(crate) fn admit_ask(
        &self,
        pid: &Pid<P>,
        header: &Header,
        payload: &[u8],
        meta: Meta,
        peer: &Peer,
        reply: Reply<Bytes>,
    ) -> Result<(), Refusal> {
        let ask = self.find(header, peer)?.ask.ok_or(Refusal::Unsupported)?;
        ask(pid, payload, meta, reply).map_err(Refusal::Malformed)
    }

    pub(crate) fn admit_local(
        &self,
        pid: &Pid<P>,
        wire: &'static str,
        message: Box<dyn Any + Send>,
        meta: Meta,
    ) -> bool {
        match self.entries.get(wire).and_then(|entry| entry.local) {
            Some(local) => local(pid, message, meta),
            None => false,
        }
    }
}

/// A typed reply that encodes what it is given; what cannot be encoded is abandoned and logged.
fn typed<T: Wire>(encoded: Reply<Bytes>) -> Reply<T> {
    Reply::new(
        move |outcome| match outcome.map(|answer| wire::encode(&answer)) {
            Ok(Ok(bytes)) => encoded.send(bytes),
            Ok(Err(error)) => tracing::error!(%error, "an answer cannot be encoded"),
            Err(_) => drop(encoded),
        },
    )
}
