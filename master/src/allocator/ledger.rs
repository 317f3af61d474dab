//! [`Account`]: one agent's resources, and who holds them.
//!
//! The invariant of the whole allocator is kept here: free and held together are the total, or the
//! account is overcommitted and has nothing free. Every change is checked; one that would break
//! the invariant is refused and changes nothing.

use super::ordinals::ClientOrd;
use super::traits::AgentTraits;
use libproc::Instant;
use meseta_api::resources::{AddError, MissingResource, Resources};
use std::collections::BTreeMap;

/// What an agent has and who holds it. Resources in an account carry no allocation role: the
/// client says it.
#[derive(Clone, Debug)]
pub(super) struct Account {
    total: Resources,
    held: BTreeMap<ClientOrd, Resources>,
    /// None while more is held than there is.
    free: Option<Resources>,
    /// Whether the agent may be offered.
    pub(super) active: bool,
    /// What the agent is.
    pub(super) traits: AgentTraits,
    has_gpus: bool,
    /// When those who hold something were granted some of it last.
    granted: BTreeMap<ClientOrd, Granted>,
}

/// A grant, of which only the time is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Granted {
    /// In which round, counted from the first.
    pub(super) round: u64,
    /// When that was.
    pub(super) at: Instant,
}

/// Why [`Account::release`] did nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReleaseError {
    HoldsNothing,
    Missing(MissingResource),
}

impl Account {
    /// An active agent of which nothing is held.
    pub(super) fn new(total: Resources, traits: AgentTraits) -> Self {
        Account {
            free: Some(total.clone()),
            has_gpus: !total.gpus().is_zero(),
            traits,
            total,
            held: BTreeMap::new(),
            active: true,
            granted: BTreeMap::new(),
        }
    }

    pub(super) fn total(&self) -> &Resources {
        &self.total
    }

    /// Whether the agent has GPUs, whoever holds them.
    pub(super) fn has_gpus(&self) -> bool {
        self.has_gpus
    }

    pub(super) fn held(&self) -> &BTreeMap<ClientOrd, Resources> {
        &self.held
    }

    /// When a client was last granted something that it still holds some of.
    pub(super) fn granted(&self, client: ClientOrd) -> Option<Granted> {
        self.granted.get(&client).copied()
    }

    pub(super) fn note_grant(&mut self, client: ClientOrd, granted: Granted) {
        self.granted.insert(client, granted);
    }

    pub(super) fn free(&self) -> Option<&Resources> {
        self.free.as_ref()
    }

    pub(super) fn is_overcommitted(&self) -> bool {
        self.free.is_none()
    }

    /// What may be offered: nothing of an agent that is inactive, overcommitted or all taken.
    pub(super) fn offerable(&self) -> Option<&Resources> {
        let free = self.free.as_ref().filter(|free| !free.is_empty())?;
        self.active.then_some(free)
    }

    /// Lets a client hold more, of what is free or of what it is known to use: in the latter case
    /// the account may become overcommitted. Fails if the client holds such a port or item already.
    pub(super) fn hold(&mut self, client: ClientOrd, resources: Resources) -> Result<(), AddError> {
        if resources.is_empty() {
            return Ok(());
        }
        let sum = match self.held.get(&client) {
            Some(held) => Some(held.checked_add(&resources)?),
            None => None,
        };
        self.free = match self.free.take() {
            // A grant of all that there is, which most are.
            Some(free) if free == resources => Some(Resources::new()),
            free => free.and_then(|free| free.checked_sub(&resources).ok()),
        };
        self.held.insert(client, sum.unwrap_or(resources));
        Ok(())
    }

    /// Whether [`Account::hold`] would succeed.
    pub(super) fn can_hold(
        &self,
        client: ClientOrd,
        resources: &Resources,
    ) -> Result<(), AddError> {
        match self.held.get(&client) {
            Some(held) => held.checked_add(resources).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Whether [`Account::release`] would succeed.
    pub(super) fn can_release(
        &self,
        client: ClientOrd,
        resources: &Resources,
    ) -> Result<(), ReleaseError> {
        let held = self.held.get(&client).ok_or(ReleaseError::HoldsNothing)?;
        if held.contains(resources) {
            return Ok(());
        }
        let rest = held.checked_sub(resources);
        rest.map(|_| ()).map_err(ReleaseError::Missing)
    }

    /// Takes resources back from a client.
    pub(super) fn release(
        &mut self,
        client: ClientOrd,
        resources: &Resources,
    ) -> Result<(), ReleaseError> {
        let Some(held) = self.held.get_mut(&client) else {
            return Err(ReleaseError::HoldsNothing);
        };
        held.checked_sub_assign(resources).map_err(ReleaseError::Missing)?;
        if held.is_empty() {
            self.held.remove(&client);
            self.granted.remove(&client);
        }
        let free = self.free.take();
        self.free = free.and_then(|free| free.checked_add(resources).ok());
        self.settle();
        Ok(())
    }

    /// Changes what the agent has, whoever holds it.
    pub(super) fn set_total(&mut self, total: Resources) {
        self.has_gpus = !total.gpus().is_zero();
        self.total = total;
        self.free = None;
        self.settle();
    }

    /// Works out what is free from scratch where the last change left that open.
    fn settle(&mut self) {
        if self.free.is_none() {
            let mut held = self.held.values();
            self.free = held.try_fold(self.total.clone(), |rest, held| rest.checked_sub(held).ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ordinals::Ordinal;
    use super::*;

    fn r(text: &str) -> Resources {
        Resources::parse(text).unwrap()
    }

    #[test]
    fn free_and_held_are_the_total() {
        let (a, b) = (ClientOrd::at(0), ClientOrd::at(1));
        let mut account = Account::new(r("cpus:4;ports:[1-10]"), AgentTraits::default());
        account.hold(a, r("cpus:1;ports:[1-4]")).unwrap();
        account.hold(b, r("cpus:3")).unwrap();
        assert_eq!(account.free(), Some(&r("ports:[5-10]")));

        account.release(a, &r("ports:[2-2]")).unwrap();
        assert_eq!(account.free(), Some(&r("ports:[2-2,5-10]")));
        account.release(b, &r("cpus:3")).unwrap();
        assert_eq!(account.held().len(), 1);
    }

    #[test]
    fn what_is_not_held_does_not_come_back() {
        let (a, b) = (ClientOrd::at(0), ClientOrd::at(1));
        let mut account = Account::new(r("cpus:4"), AgentTraits::default());
        account.hold(a, r("cpus:1")).unwrap();
        assert_eq!(account.release(b, &r("cpus:1")), Err(ReleaseError::HoldsNothing));
        assert!(matches!(account.release(a, &r("cpus:2")), Err(ReleaseError::Missing(_))));
        assert_eq!(account.free(), Some(&r("cpus:3")));
    }

    #[test]
    fn an_overcommitted_agent_has_nothing_free_until_it_fits() {
        let a = ClientOrd::at(0);
        let mut account = Account::new(r("cpus:4;mem:100"), AgentTraits::default());
        account.hold(a, r("cpus:3")).unwrap();
        account.set_total(r("cpus:2;mem:100"));
        assert!(account.is_overcommitted());
        assert_eq!(account.offerable(), None);

        account.release(a, &r("cpus:1")).unwrap();
        assert_eq!(account.free(), Some(&r("mem:100")));
        account.set_total(r("cpus:5"));
        assert_eq!(account.free(), Some(&r("cpus:3")));
    }
}
