//! Ids that the master gives away: counters behind the master's own id, which is new at each
//! election, so that no id is ever given twice.

use super::event::WriteId;
use meseta_api::ids::{AgentId, FrameworkId, IdError, MasterId, OfferId};
use meseta_api::internal::OperationUuid;
use meseta_api::term::Term;

/// The numbers given next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NextIds {
    agent: u64,
    framework: u64,
    offer: u64,
    operation: u64,
    write: u64,
}

/// Longest id of a master, in bytes: what is left of an id's 255 after the longest suffix.
pub const MAX_MASTER_ID_BYTES: usize = 200;

impl NextIds {
    /// `<master>-S0`, `<master>-S1`, …
    pub fn agent(&mut self, master: &MasterId) -> AgentId {
        made(AgentId::parse(&format!("{master}-S{}", take(&mut self.agent))))
    }

    /// `<master>-0000`, `<master>-0001`, …
    pub fn framework(&mut self, master: &MasterId) -> FrameworkId {
        let number = take(&mut self.framework);
        made(FrameworkId::parse(&format!("{master}-{number:04}")))
    }

    /// `<master>-O0`, `<master>-O1`, …
    pub fn offer(&mut self, master: &MasterId) -> OfferId {
        made(OfferId::parse(&format!("{master}-O{}", take(&mut self.offer))))
    }

    /// The next operation of a master of this term: no two masters have the same, so that no name
    /// is given twice in the life of a registry.
    pub fn operation(&mut self, term: &Term) -> OperationUuid {
        let leadership = (term.generation << 48) ^ term.counter;
        let number = take(&mut self.operation);
        let bits = (u128::from(leadership) << 64) | u128::from(number);
        OperationUuid::from_bytes(bits.to_be_bytes())
    }

    /// The next write.
    pub fn write(&mut self) -> WriteId {
        WriteId(take(&mut self.write))
    }
}

fn take(counter: &mut u64) -> u64 {
    let number = *counter;
    *counter += 1;
    number
}

/// A master's id has no character that an id may not have and is at most
/// [`MAX_MASTER_ID_BYTES`] long, so that an id made of it is one.
fn made<T>(id: Result<T, IdError>) -> T {
    match id {
        Ok(id) => id,
        Err(error) => unreachable!("id made of a checked master id: {error}"),
    }
}
