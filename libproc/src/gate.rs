//! Who may say what to a process from outside its node.

use crate::frame::Meta;
use crate::peer::{Peer, Role};
use crate::pid::Pid;
use crate::process::{Answer, Process, Receive};
use crate::reply::{AskError, Reply};
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
    say: Option<Way<Say<P>>>,
    ask: Option<Way<Ask<P>>>,
    local: Option<Local<P>>,
}

/// One way in, and who may use it: to tell and to ask are permitted apart.
struct Way<F> {
    roles: Vec<Role>,
    enter: F,
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
        let mut gate = Gate { entries: BTreeMap::new() };
        P::gate(&mut gate);
        gate
    }

    /// Messages of `W` are taken from peers of these roles.
    pub fn receives<W: Wire>(&mut self, roles: &[Role])
    where
        P: Receive<W>,
    {
        let entry = self.entry::<W>();
        entry.say = Some(Way {
            roles: roles.to_vec(),
            enter: |pid, payload, meta| {
                pid.tell_with(wire::decode::<W>(payload)?, meta);
                Ok(())
            },
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
        self.entry::<W>().ask = Some(Way {
            roles: roles.to_vec(),
            enter: |pid, payload, meta, reply| {
                let request = wire::decode::<W>(payload)?;
                pid.ask_with(request, typed(reply), meta, None);
                Ok(())
            },
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn entry<W: Wire>(&mut self) -> &mut Entry<P> {
        let wire = wire::wire_type::<W>();
        self.entries.entry(wire.name).or_insert_with(|| Entry {
            wire,
            say: None,
            ask: None,
            local: None,
        })
    }

    /// The way in for a frame, once its sender's role and its names are found good; and its
    /// variant as this version spells it.
    fn find<F: Copy>(
        &self,
        header: &Header,
        peer: &Peer,
        way: impl FnOnce(&Entry<P>) -> Option<&Way<F>>,
    ) -> Result<(F, &'static str), Refusal> {
        let entry = self.entries.get(header.wire.as_str()).ok_or(Refusal::Unsupported)?;
        let way = way(entry).ok_or(Refusal::Unsupported)?;
        if peer.role != Role::LOCAL && !way.roles.contains(&peer.role) {
            return Err(Refusal::Forbidden(peer.role.clone()));
        }
        let known = entry.wire.variants;
        if known.is_empty() {
            return Ok((way.enter, entry.wire.name));
        }
        let variant = known.iter().find(|name| **name == header.variant);
        match variant {
            Some(variant) => Ok((way.enter, variant)),
            None => Err(Refusal::Unsupported),
        }
    }

    pub(crate) fn admit(
        &self,
        pid: &Pid<P>,
        header: &Header,
        payload: &[u8],
        meta: Meta,
        peer: &Peer,
    ) -> Result<(), Refusal> {
        let mut meta = meta.weighing(payload.len());
        let (say, name) = self.find(header, peer, |entry| entry.say.as_ref())?;
        pid.call(&mut meta, name);
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
        let mut meta = meta.weighing(payload.len());
        match self.find(header, peer, |entry| entry.ask.as_ref()) {
            Ok((ask, name)) => {
                pid.call(&mut meta, name);
                ask(pid, payload, meta, reply).map_err(Refusal::Malformed)
            }
            Err(refusal) => {
                reply.fail(AskError::Unsupported);
                Err(refusal)
            }
        }
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
    Reply::new(move |outcome| match outcome.map(|answer| wire::encode(&answer)) {
        Ok(Ok(bytes)) => encoded.send(bytes),
        Ok(Err(error)) => tracing::error!(%error, "an answer cannot be encoded"),
        Err(error) => encoded.fail(error),
    })
}
