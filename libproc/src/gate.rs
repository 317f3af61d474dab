//! Who may say what to a process from outside its node.

use crate::frame::Meta;
use crate::peer::{Peer, Role};
use crate::pid::{Entrance, Pid};
use crate::process::{Answer, Process, Receive};
use crate::reply::{AskError, Reply};
use crate::wire::{self, PayloadError, Wire, WireType};
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

impl<F: Copy> Way<F> {
    fn permits(&self, peer: &Peer) -> bool {
        peer.role == Role::LOCAL || self.roles.contains(&peer.role)
    }
}

/// A way in as one peer finds it.
enum Found<F> {
    Open(F),
    Unsupported,
    Forbidden,
}

impl<F: Copy> Found<F> {
    /// Role before name: who may not say it learns nothing of what is known here.
    fn of(way: Option<&Way<F>>, peer: &Peer, is_known: bool) -> Self {
        match way {
            None => Found::Unsupported,
            Some(way) if !way.permits(peer) => Found::Forbidden,
            Some(_) if !is_known => Found::Unsupported,
            Some(way) => Found::Open(way.enter),
        }
    }

    fn get(&self, role: &Role) -> Result<F, Refusal> {
        match self {
            Found::Open(enter) => Ok(*enter),
            Found::Unsupported => Err(Refusal::Unsupported),
            Found::Forbidden => Err(Refusal::Forbidden(role.clone())),
        }
    }
}

/// What one peer may say under one name.
struct Opened<P: Process> {
    pid: Pid<P>,
    /// The variant as this version spells it.
    name: &'static str,
    role: Role,
    say: Found<Say<P>>,
    ask: Found<Ask<P>>,
}

impl<P: Process> Entrance for Opened<P> {
    fn say(&self, payload: &[u8], mut meta: Meta) -> Result<(), Refusal> {
        self.pid.call(&mut meta, self.name);
        self.say.get(&self.role)?(&self.pid, payload, meta).map_err(Refusal::Malformed)
    }

    fn ask(&self, payload: &[u8], mut meta: Meta, reply: Reply<Bytes>) -> Result<(), Refusal> {
        self.pid.call(&mut meta, self.name);
        match self.ask.get(&self.role) {
            Ok(ask) => ask(&self.pid, payload, meta, reply).map_err(Refusal::Malformed),
            Err(refusal) => {
                reply.fail(AskError::Unsupported);
                Err(refusal)
            }
        }
    }
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

    /// What `peer` may say to `pid` under these names.
    pub(crate) fn entrance(
        &self,
        pid: &Pid<P>,
        wire: &str,
        variant: &str,
        peer: &Peer,
    ) -> Box<dyn Entrance> {
        let entry = self.entries.get(wire);
        let name = entry.and_then(|entry| entry.wire.spelled(variant));
        let say = entry.and_then(|entry| entry.say.as_ref());
        let ask = entry.and_then(|entry| entry.ask.as_ref());
        Box::new(Opened {
            pid: pid.clone(),
            name: name.unwrap_or(""),
            role: peer.role.clone(),
            say: Found::of(say, peer, name.is_some()),
            ask: Found::of(ask, peer, name.is_some()),
        })
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
