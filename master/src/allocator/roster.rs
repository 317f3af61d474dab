//! [`Roster`]: frameworks, roles, and clients (a framework in a role) with what they hold in all.
//!
//! Fed by `core.rs`, which tells of every subscription and every change in an account; read by
//! `drf.rs` for shares. A framework may be here before it is added: an agent reported its tasks.
//! A client stays while it is subscribed or holds something, and a role while it has clients, roles
//! below it or a weight of its own, so that names that nobody uses are forgotten. The roles above a
//! role are here with it: they are the tree.

use super::drf::Order;
use super::ordinals::{AgentOrd, ClientOrd, FrameworkOrd, RoleOrd, Table};
use super::share::{Amounts, Share};
use super::suitable::{Can, Wanted};
use super::weight::Weight;
use meseta_api::ids::{FrameworkId, Role};
use std::collections::{BTreeMap, BTreeSet};

/// Where a framework stands with the master.
///
/// ```text
///               FrameworkAdded          FrameworkDeactivated
/// Unregistered ───────────────► Active ◄────────────────────► Inactive
///      ▲ held on an agent        FrameworkActivated
/// ```
/// FrameworkRemoved ends the last two; the first ends when nothing is held any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// Known only because it holds something.
    Unregistered,
    Inactive,
    Active,
}

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It wants offers.
    Wanting,
    /// It is subscribed and wants none.
    Suppressed,
    /// It is not subscribed, but holds something.
    Left,
}

#[derive(Clone, Debug)]
struct Framework {
    presence: Presence,
    can: Can,
    clients: BTreeMap<RoleOrd, ClientOrd>,
}

#[derive(Clone, Debug, Default)]
struct RoleRow {
    weight: Weight,
    /// It has a quota.
    pinned: bool,
    /// None of a top-level role.
    parent: Option<RoleOrd>,
    /// Roles directly below.
    children: usize,
    clients: usize,
    /// How many of them have a minimum of their own.
    own_minimums: usize,
    own: Tally,
    /// With all roles below.
    subtree: Tally,
}

/// What some clients hold together, and how often they were granted something.
#[derive(Clone, Debug, Default)]
struct Tally {
    held: Amounts,
    grants: u64,
}

#[derive(Clone, Debug)]
struct Client {
    standing: Standing,
    held: Amounts,
    /// Where it holds something.
    agents: BTreeSet<AgentOrd>,
    /// How often it was granted something.
    grants: u64,
    /// What it asks for, if anything.
    wanted: Option<Box<Wanted>>,
}

/// All frameworks, roles and clients, and the size of the cluster that shares are fractions of.
#[derive(Clone, Debug)]
pub(super) struct Roster {
    frameworks: Table<FrameworkOrd, FrameworkId, Framework>,
    roles: Table<RoleOrd, Role, RoleRow>,
    clients: Table<ClientOrd, (FrameworkOrd, RoleOrd), Client>,
    /// Those that ask for something of agents.
    picky: BTreeSet<ClientOrd>,
    cluster: Amounts,
    /// All clients that want offers; none after what changes every share or many clients at once,
    /// until somebody asks.
    order: Option<Order>,
}

impl Roster {
    pub(super) fn new() -> Self {
        Roster {
            frameworks: Table::new(),
            roles: Table::new(),
            clients: Table::new(),
            picky: BTreeSet::new(),
            cluster: Amounts::default(),
            order: None,
        }
    }

    /// The order of all clients that want offers. What has no order yet gets one: O(n log n).
    pub(super) fn order(&mut self) -> &Order {
        let order = self.order.take().unwrap_or_else(|| Order::of(self, self.all_clients()));
        self.order.insert(order)
    }

    /// The order that [`Roster::order`] gave, if nothing has ended it since.
    pub(super) fn known_order(&self) -> Option<&Order> {
        self.order.as_ref()
    }

    /// Lets `change` alter what a client holds or wants, and moves it in the order.
    fn change(&mut self, client: ClientOrd, change: impl FnOnce(&mut Self)) {
        let Some(mut order) = self.order.take() else {
            return change(self);
        };
        order.take_out(self, client);
        change(self);
        order.put_in(self, client);
        self.order = Some(order);
    }

    /// The cluster has more.
    pub(super) fn grow(&mut self, amounts: &Amounts) {
        self.cluster.add(amounts);
        self.order = None;
    }

    /// The cluster has less.
    pub(super) fn shrink(&mut self, amounts: &Amounts) {
        self.cluster.subtract(amounts);
        self.order = None;
    }

    /// What there is in all.
    pub(super) fn cluster(&self) -> &Amounts {
        &self.cluster
    }

    /// All roles.
    pub(super) fn roles(&self) -> impl Iterator<Item = (RoleOrd, &Role)> {
        self.roles.iter().map(|(role, name, _)| (role, name))
    }

    /// What the clients of a role and of those below it hold together.
    pub(super) fn held_by(&self, role: RoleOrd) -> &Amounts {
        &self.roles[role].subtree.held
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let counts = [self.frameworks.count(), self.roles.count(), self.clients.count()];
        counts == [0; 3] && self.picky.is_empty() && self.cluster == Amounts::default()
    }

    pub(super) fn framework(&self, id: &FrameworkId) -> Option<FrameworkOrd> {
        self.frameworks.find(id)
    }

    /// The framework, if it was added and not removed.
    pub(super) fn registered(&self, id: &FrameworkId) -> Option<FrameworkOrd> {
        let found = self.frameworks.find(id)?;
        (self.presence(found) != Presence::Unregistered).then_some(found)
    }

    /// The framework, made up as unregistered if it is not known.
    pub(super) fn framework_or_insert(&mut self, id: &FrameworkId) -> FrameworkOrd {
        self.frameworks.find_or_insert_with(id, || Framework {
            presence: Presence::Unregistered,
            can: Can::default(),
            clients: BTreeMap::new(),
        })
    }

    pub(super) fn presence(&self, framework: FrameworkOrd) -> Presence {
        self.frameworks[framework].presence
    }

    pub(super) fn set_presence(&mut self, framework: FrameworkOrd, presence: Presence) {
        self.frameworks[framework].presence = presence;
        self.order = None;
    }

    /// What a client's framework can use.
    pub(super) fn can(&self, client: ClientOrd) -> Can {
        self.frameworks[self.clients.key(client).0].can
    }

    /// True if it could use something else before.
    pub(super) fn set_can(&mut self, framework: FrameworkOrd, can: Can) -> bool {
        std::mem::replace(&mut self.frameworks[framework].can, can) != can
    }

    /// What a client asks for, if anything.
    pub(super) fn wanted(&self, client: ClientOrd) -> Option<&Wanted> {
        self.clients[client].wanted.as_deref()
    }

    /// What a client asks for from now on. Only a subscribed one asks for anything.
    pub(super) fn set_wanted(&mut self, client: ClientOrd, wanted: Option<Box<Wanted>>) {
        let measures = |wanted: &Option<Box<Wanted>>| {
            usize::from(wanted.as_ref().is_some_and(|wanted| wanted.min_allocatable.is_some()))
        };
        let role = self.role_of(client);
        let row = &mut self.clients[client];
        let minimums = &mut self.roles[role].own_minimums;
        *minimums = *minimums + measures(&wanted) - measures(&row.wanted);
        match wanted.as_ref().is_some_and(|wanted| wanted.constraints.is_some()) {
            true => self.picky.insert(client),
            false => self.picky.remove(&client),
        };
        row.wanted = wanted;
    }

    /// A client's constraints were asked of an agent.
    pub(super) fn note_verdict(&mut self, client: ClientOrd, agent: AgentOrd, suits: bool) {
        if let Some(wanted) = &mut self.clients[client].wanted {
            wanted.note(agent, suits);
        }
    }

    /// Of how many agents it is known whether they suit a client, over all clients.
    #[cfg(test)]
    pub(super) fn verdicts(&self) -> u32 {
        let wanted = self.clients.iter().filter_map(|(_, _, row)| row.wanted.as_ref());
        wanted.map(|wanted| wanted.judged()).sum()
    }

    /// Whether a client of the role has a minimum of its own.
    pub(super) fn has_own_minimums(&self, role: RoleOrd) -> bool {
        self.roles[role].own_minimums > 0
    }

    /// What each client asks for that asks for something of agents.
    pub(super) fn for_each_picky(&mut self, mut act: impl FnMut(&mut Wanted)) {
        for client in &self.picky {
            if let Some(wanted) = &mut self.clients[*client].wanted {
                act(wanted);
            }
        }
    }

    /// The framework's clients in no meaningful order.
    pub(super) fn clients_of(&self, framework: FrameworkOrd) -> Vec<ClientOrd> {
        self.frameworks[framework].clients.values().copied().collect()
    }

    pub(super) fn client(&self, framework: FrameworkOrd, role: &Role) -> Option<ClientOrd> {
        let role = self.roles.find(role)?;
        self.frameworks[framework].clients.get(&role).copied()
    }

    /// The client, made up as one that left if it is not known.
    pub(super) fn client_or_insert(&mut self, framework: FrameworkOrd, role: &Role) -> ClientOrd {
        if let Some(client) = self.client(framework, role) {
            return client;
        }
        let role = self.role_or_insert(role);
        self.roles[role].clients += 1;
        let client = self.clients.find_or_insert_with(&(framework, role), || Client {
            standing: Standing::Left,
            held: Amounts::default(),
            agents: BTreeSet::new(),
            grants: 0,
            wanted: None,
        });
        self.frameworks[framework].clients.insert(role, client);
        client
    }

    /// The role, made up with those above it if it is not known.
    fn role_or_insert(&mut self, role: &Role) -> RoleOrd {
        if let Some(known) = self.roles.find(role) {
            return known;
        }
        // As deep as roles may be, which is bounded.
        let parent = role.parent().map(|parent| self.role_or_insert(&parent));
        if let Some(parent) = parent {
            self.roles[parent].children += 1;
        }
        self.roles.find_or_insert_with(role, || RoleRow { parent, ..RoleRow::default() })
    }

    /// The role one level up; none of a top-level role.
    pub(super) fn parent(&self, role: RoleOrd) -> Option<RoleOrd> {
        self.roles[role].parent
    }

    /// The topmost role above it, or itself.
    pub(super) fn top_level(&self, role: RoleOrd) -> RoleOrd {
        std::iter::successors(Some(role), |role| self.parent(*role)).last().unwrap_or(role)
    }

    /// The roles from the topmost down to a client's own.
    pub(super) fn path_of(&self, client: ClientOrd) -> Vec<RoleOrd> {
        let role = self.role_of(client);
        let mut path: Vec<_> =
            std::iter::successors(Some(role), |role| self.parent(*role)).collect();
        path.reverse();
        path
    }

    pub(super) fn role(&self, role: &Role) -> Option<RoleOrd> {
        self.roles.find(role)
    }

    /// The role, which is kept until it is unpinned.
    pub(super) fn pin_role(&mut self, role: &Role) -> RoleOrd {
        let role = self.role_or_insert(role);
        self.roles[role].pinned = true;
        role
    }

    pub(super) fn unpin_role(&mut self, role: RoleOrd) {
        self.roles[role].pinned = false;
        self.prune_role(role);
    }

    /// Changes the tallies that a client of this role counts in.
    fn count(&mut self, role: RoleOrd, change: impl Fn(&mut Tally)) {
        change(&mut self.roles[role].own);
        let mut at = Some(role);
        while let Some(role) = at {
            let row = &mut self.roles[role];
            change(&mut row.subtree);
            at = row.parent;
        }
    }

    pub(super) fn standing(&self, client: ClientOrd) -> Standing {
        self.clients[client].standing
    }

    pub(super) fn set_standing(&mut self, client: ClientOrd, standing: Standing) {
        self.change(client, |roster| roster.clients[client].standing = standing);
    }

    /// The client's role if the client may be offered resources. None of a removed client.
    pub(super) fn wants_offers(&self, client: ClientOrd) -> Option<RoleOrd> {
        let wanting = self.clients.get(client)?.standing == Standing::Wanting;
        let (framework, role) = *self.clients.key(client);
        (wanting && self.presence(framework) == Presence::Active).then_some(role)
    }

    /// Whether a refusal of this client means anything: it is subscribed and may come to want.
    pub(super) fn keeps_refusals(&self, client: ClientOrd) -> bool {
        let (framework, _) = *self.clients.key(client);
        self.standing(client) != Standing::Left && self.presence(framework) == Presence::Active
    }

    pub(super) fn all_clients(&self) -> impl Iterator<Item = ClientOrd> + '_ {
        self.clients.iter().map(|(client, _, _)| client)
    }

    /// The agents on which a client holds something.
    pub(super) fn agents_of(&self, client: ClientOrd) -> Vec<AgentOrd> {
        self.clients[client].agents.iter().copied().collect()
    }

    /// The role gets this weight. The default is forgotten with the role.
    pub(super) fn set_weight(&mut self, role: &Role, weight: Weight) {
        let role = self.role_or_insert(role);
        self.roles[role].weight = weight;
        self.order = None;
        self.prune_role(role);
    }

    /// A client holds more, on this agent, because it was granted that: it loses ties against
    /// those who were granted less often. `also` is moved as the order of all is.
    pub(super) fn grant(
        &mut self,
        client: ClientOrd,
        agent: AgentOrd,
        amounts: &Amounts,
        also: Option<&mut Order>,
    ) {
        let role = self.role_of(client);
        let grant = |roster: &mut Self| {
            roster.hold(client, agent, amounts);
            roster.clients[client].grants += 1;
            roster.count(role, |tally| tally.grants += 1);
        };
        let Some(also) = also else {
            return self.change(client, grant);
        };
        also.take_out(self, client);
        self.change(client, grant);
        also.put_in(self, client);
    }

    /// A client holds more, on this agent.
    pub(super) fn charge(&mut self, client: ClientOrd, agent: AgentOrd, amounts: &Amounts) {
        self.change(client, |roster| roster.hold(client, agent, amounts));
    }

    fn hold(&mut self, client: ClientOrd, agent: AgentOrd, amounts: &Amounts) {
        let role = self.role_of(client);
        self.count(role, |tally| tally.held.add(amounts));
        self.clients[client].held.add(amounts);
        self.clients[client].agents.insert(agent);
    }

    /// A client holds less; `holds_more` says whether something is left on this agent.
    pub(super) fn refund(
        &mut self,
        client: ClientOrd,
        agent: AgentOrd,
        amounts: &Amounts,
        holds_more: bool,
    ) {
        let role = self.role_of(client);
        self.change(client, |roster| {
            roster.count(role, |tally| tally.held.subtract(amounts));
            roster.clients[client].held.subtract(amounts);
            if !holds_more {
                roster.clients[client].agents.remove(&agent);
            }
        });
    }

    /// Forgets a client that left and holds nothing, and with it what it alone kept here.
    pub(super) fn prune(&mut self, client: ClientOrd) {
        let row = &self.clients[client];
        if row.standing != Standing::Left || !row.agents.is_empty() {
            return;
        }
        let (framework, role) = *self.clients.key(client);
        self.clients.remove(client);
        self.frameworks[framework].clients.remove(&role);
        self.roles[role].clients -= 1;
        self.prune_role(role);
        self.prune_framework(framework);
    }

    /// Forgets a framework that is unregistered and has no clients.
    pub(super) fn prune_framework(&mut self, framework: FrameworkOrd) {
        let row = &self.frameworks[framework];
        if row.presence == Presence::Unregistered && row.clients.is_empty() {
            self.frameworks.remove(framework);
        }
    }

    fn prune_role(&mut self, role: RoleOrd) {
        let mut at = Some(role);
        while let Some(role) = at {
            let row = &self.roles[role];
            if row.clients > 0 || row.children > 0 || row.pinned || row.weight != Weight::DEFAULT {
                return;
            }
            at = row.parent;
            self.roles.remove(role);
            if let Some(parent) = at {
                self.roles[parent].children -= 1;
            }
        }
    }

    pub(super) fn role_of(&self, client: ClientOrd) -> RoleOrd {
        self.clients.key(client).1
    }

    pub(super) fn role_name(&self, role: RoleOrd) -> &Role {
        self.roles.key(role)
    }

    pub(super) fn framework_id_of(&self, client: ClientOrd) -> &FrameworkId {
        self.frameworks.key(self.clients.key(client).0)
    }

    /// What the clients of the role and of those below it hold together, whether they want offers
    /// or not, over the role's weight.
    pub(super) fn role_share(&self, role: RoleOrd) -> Share {
        let row = &self.roles[role];
        Share::dominant(&row.subtree.held, &self.cluster, row.weight)
    }

    /// Every role with its weight and the share, not weighted, that it and all below it have.
    pub(super) fn shares(&self) -> impl Iterator<Item = (&Role, f64, f64)> {
        self.roles.iter().map(|(_, role, row)| {
            let share = Share::dominant(&row.subtree.held, &self.cluster, Weight::DEFAULT);
            (role, row.weight.to_f64(), share.to_f64())
        })
    }

    pub(super) fn role_grants(&self, role: RoleOrd) -> u64 {
        self.roles[role].subtree.grants
    }

    /// What the role's own clients hold together.
    pub(super) fn own_share(&self, role: RoleOrd) -> Share {
        Share::dominant(&self.roles[role].own.held, &self.cluster, Weight::DEFAULT)
    }

    pub(super) fn own_grants(&self, role: RoleOrd) -> u64 {
        self.roles[role].own.grants
    }

    /// What the client holds; within a role all weigh the same.
    pub(super) fn client_share(&self, client: ClientOrd) -> Share {
        Share::dominant(&self.clients[client].held, &self.cluster, Weight::DEFAULT)
    }

    pub(super) fn client_grants(&self, client: ClientOrd) -> u64 {
        self.clients[client].grants
    }
}
