//! Dialling in the simulator: the same handshake as over TCP, in values, after two trips.

use super::engine::Shared;
use super::line::{open_line, SimTransport};
use super::machine::motion;
use super::network::Way;
use crate::id::NodeId;
use crate::net::handshake::{self, Channel, Hello, PROTOCOL};
use crate::net::{DialError, Handshaken, Outbox, Queue, Target};
use crate::node::{lock, Node, Refused};
use crate::peer::Peer;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

/// As the TCP transport's.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// As over TCP: two trips, both sides authenticated, then both nodes have the connection.
pub(crate) async fn dial(
    shared: Arc<Shared>,
    machine: usize,
    node: Node,
    target: Target,
) -> Result<Arc<Peer>, DialError> {
    if let Some(open) = node.connection_at(&target.address) {
        return Ok(open);
    }
    let (trips, towards) = {
        let mut state = lock(&shared.state);
        let there = state.machines.iter().position(|m| m.address == target.address);
        let towards = there.and_then(|there| state.machines.get(there)?.node.clone());
        // Nobody is as far away as anybody.
        let there = there.unwrap_or(machine);
        let network = &mut state.network;
        (network.latency(machine, there) + network.latency(there, machine), towards)
    };
    let _dialling = towards.map(|there| node.dialling(there.id()));
    motion(&shared, machine, trips).await;
    let unreachable =
        |cause: &str| DialError::Connect { address: target.address.clone(), cause: cause.into() };
    let patience = HANDSHAKE_TIMEOUT.saturating_sub(trips);
    if is_silent(&shared, machine, &target.address) {
        motion(&shared, machine, patience).await;
        return Err(unreachable("no answer"));
    }
    let (there, other) = {
        let state = lock(&shared.state);
        let found = state.machines.iter().position(|m| m.address == target.address);
        let Some(there) = found else {
            return Err(unreachable("no such host"));
        };
        let Some(other) = state.machines.get(there).and_then(|m| m.node.clone()) else {
            return Err(unreachable("connection refused"));
        };
        (there, other)
    };
    if other.exit_reason().is_some() || other.config().listen.is_none() {
        return Err(unreachable("connection refused"));
    }
    let listens = node.config().listen.is_some();
    let hello = Hello {
        cluster: node.config().cluster.clone(),
        node: node.id(),
        principal: target.principal.clone(),
        nonce: node.uuid(),
        protocol: PROTOCOL,
        features: node.config().features.clone(),
        address: listens.then(|| node.advertised().to_owned()),
        certified: target.secret.is_empty(),
    };
    let plain = Channel::default();
    let refused = |cause: String| DialError::Refused { address: target.address.clone(), cause };
    let turned_away = |why: &str| turn_away(&shared, (machine, there), &other, &hello, why);
    let pending = handshake::welcome(other.config(), other.id(), other.uuid(), &hello, &plain)
        .map_err(|rejection| {
            turned_away(&rejection.to_string());
            refused(rejection.to_string())
        })?;
    let proof = handshake::prove(node.config(), &target, &hello, &pending.welcome, &plain);
    // Who does not trust the other side says no more: there, no proof has come.
    let proven = proof.as_ref().is_ok_and(|(_, mac)| pending.proven(mac));
    if !proven {
        turned_away("wrong proof");
    }
    let (peer, _) = proof?;
    if !proven {
        return Err(refused("wrong proof".into()));
    }
    let ends = [(machine, node.clone()), (there, other.clone())];
    let (id, doors) = open_line(&shared, ends);
    let [mine, theirs] = doors;
    let outbox = |side, node| {
        let transport = SimTransport { shared: shared.clone(), id, side, node };
        Arc::new(Outbox::new(Queue::of_frames(), Box::new(transport)))
    };
    let ours = Handshaken { peer, ours: true, outbox: outbox(0, node.clone()) };
    let its = Handshaken { peer: pending.peer, ours: false, outbox: outbox(1, other.clone()) };
    let taken = match other.connected(its) {
        Ok(taken) => taken,
        Err(cause) => {
            lock(&shared.state).forget_line(id);
            // As over TCP: its own dial is the one that stays.
            if cause == Refused::Duplicate {
                return join(&shared, machine, &node, other.id(), patience, &target).await;
            }
            turned_away(&cause.to_string());
            return Err(refused(cause.to_string()));
        }
    };
    let _ = theirs.set(taken.clone());
    match node.connected(ours) {
        Ok(connection) => {
            let _ = mine.set(connection.clone());
            Ok(connection.peer.clone())
        }
        Err(cause) => {
            taken.close("not taken by the other side");
            if cause == Refused::Duplicate {
                return join(&shared, machine, &node, other.id(), patience, &target).await;
            }
            Err(refused(cause.to_string()))
        }
    }
}

/// As the TCP server: who is not let in is counted, and named for people the first time. In the
/// log of the simulation it is named each time.
fn turn_away(shared: &Shared, (from, at): Way, node: &Node, hello: &Hello, why: &str) {
    node.net().tally().refused.fetch_add(1, Relaxed);
    let principal = &hello.principal;
    let mut state = lock(&shared.state);
    let name = |machine: usize| state.machines.get(machine).map_or("", |m| &*m.name);
    let (client, server) = (name(from), name(at));
    if node.net().is_news(&format!("refused {client} {why} {principal}")) {
        tracing::warn!(client, principal, "handshake refused: {why}");
    }
    let line = format!("refused {client} -> {server}: handshake of {principal:?}: {why}");
    state.note(line);
}

/// Whether nothing comes back: what is sent does not arrive, or its answer does not, or nobody there
/// is awake to answer, or there is no power.
fn is_silent(shared: &Shared, machine: usize, address: &str) -> bool {
    let state = lock(&shared.state);
    let Some(there) = state.machines.iter().position(|m| m.address == address) else {
        return false;
    };
    let network = &state.network;
    let entry = state.machines.get(there);
    let away = entry.is_some_and(|entry| entry.paused.is_some() || entry.dark);
    away || network.is_cut(machine, there) || network.is_cut(there, machine)
}

/// Waits for the connection that the other side dials.
async fn join(
    shared: &Arc<Shared>,
    machine: usize,
    node: &Node,
    other: NodeId,
    patience: Duration,
    target: &Target,
) -> Result<Arc<Peer>, DialError> {
    tokio::select! { biased;
        peer = node.connection_to(other) => Ok(peer),
        () = motion(shared, machine, patience) => Err(DialError::Connect {
            address: target.address.clone(),
            cause: "no answer".into(),
        }),
    }
}
