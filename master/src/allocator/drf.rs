//! [`Order`]: who is next. From the top of the tree of roles down, at each level whoever has the
//! smaller weighted dominant share; then the frameworks of a role by theirs. Ties go to whoever was
//! granted less often, then to the smaller name.
//!
//! A role's share is that of its whole subtree. Where a role has frameworks of its own and roles
//! below it, its own frameworks stand among these roles together, as one sibling of weight 1.
//!
//! The order of all clients is kept by the roster and changes with it, one client at a time, so
//! that a round does not begin by sorting. A pass that considers few clients makes one of those.

use super::ordinals::{ClientOrd, RoleOrd};
use super::roster::Roster;
use super::share::Share;
use meseta_api::ids::{FrameworkId, Role};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// A standing in the order, least first. Fields compare in the order written; the ordinal is what
/// the place is for and never decides, since names are unique at their level.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place<N, O> {
    share: Share,
    grants: u64,
    name: N,
    ordinal: O,
}

type RolePlace = Place<Role, RoleOrd>;
type ClientPlace = Place<FrameworkId, ClientOrd>;

/// Some clients in the order in which they are served.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Top-level roles that have a client here, themselves or below.
    top: BTreeSet<RolePlace>,
    /// The same directly below a role. None is empty.
    below: BTreeMap<RoleOrd, BTreeSet<RolePlace>>,
    clients: BTreeMap<RoleOrd, BTreeSet<ClientPlace>>,
}

impl Order {
    /// The order of those of `clients` that want offers. O(n log n).
    pub(super) fn of(roster: &Roster, clients: impl IntoIterator<Item = ClientOrd>) -> Self {
        let mut places: BTreeMap<RoleOrd, Vec<ClientPlace>> = BTreeMap::new();
        for client in clients {
            if let Some(role) = roster.wants_offers(client) {
                let of_role = places.entry(role).or_default();
                of_role.push(client_place(roster, client));
            }
        }
        let mut order = Order::default();
        for (role, of_role) in places {
            order.clients.insert(role, of_role.into_iter().collect());
            order.put_in_role(roster, role);
        }
        order
    }

    /// Shows roles that have clients to `look`, the one to be served first first, until it finds
    /// something.
    pub(super) fn find_role<T>(
        &self,
        roster: &Roster,
        mut look: impl FnMut(RoleOrd) -> Option<T>,
    ) -> Option<T> {
        self.top.iter().find_map(|place| self.find_below(roster, place.ordinal, &mut look))
    }

    /// The same in one role's subtree. As deep as roles may be, which is bounded.
    fn find_below<T>(
        &self,
        roster: &Roster,
        role: RoleOrd,
        look: &mut impl FnMut(RoleOrd) -> Option<T>,
    ) -> Option<T> {
        let mut own = self.clients.contains_key(&role);
        for place in self.below.get(&role).into_iter().flatten() {
            if own && comes_before(roster, role, place) {
                own = false;
                if let Some(found) = look(role) {
                    return Some(found);
                }
            }
            if let Some(found) = self.find_below(roster, place.ordinal, look) {
                return Some(found);
            }
        }
        own.then(|| look(role)).flatten()
    }

    /// A role's clients, the one to be served first first.
    pub(super) fn clients(&self, role: RoleOrd) -> impl Iterator<Item = ClientOrd> + '_ {
        let places = self.clients.get(&role).into_iter().flatten();
        places.map(|place| place.ordinal)
    }

    /// Takes a client, if it is here, and the places of its role and those above out, before what
    /// they hold changes.
    pub(super) fn take_out(&mut self, roster: &Roster, client: ClientOrd) {
        let role = roster.role_of(client);
        if let Some(of_role) = self.clients.get_mut(&role) {
            of_role.remove(&client_place(roster, client));
        }
        let mut at = Some(role);
        while let Some(role) = at {
            at = roster.parent(role);
            if let Some(siblings) = self.siblings(at) {
                siblings.remove(&role_place(roster, role));
            }
        }
    }

    /// Takes a client, if it wants offers, its role and those above to their places after a
    /// change. O(depth · log n).
    pub(super) fn put_in(&mut self, roster: &Roster, client: ClientOrd) {
        let role = roster.role_of(client);
        if roster.wants_offers(client).is_some() {
            let of_role = self.clients.entry(role).or_default();
            of_role.insert(client_place(roster, client));
        } else if self.clients.get(&role).is_some_and(BTreeSet::is_empty) {
            self.clients.remove(&role);
        }
        self.put_in_role(roster, role);
    }

    /// Puts a role and those above it in where they have clients.
    fn put_in_role(&mut self, roster: &Roster, role: RoleOrd) {
        let mut at = Some(role);
        while let Some(role) = at {
            at = roster.parent(role);
            if self.below.get(&role).is_some_and(BTreeSet::is_empty) {
                self.below.remove(&role);
            }
            if self.clients.contains_key(&role) || self.below.contains_key(&role) {
                let siblings = match at {
                    Some(parent) => self.below.entry(parent).or_default(),
                    None => &mut self.top,
                };
                siblings.insert(role_place(roster, role));
            }
        }
    }

    fn siblings(&mut self, parent: Option<RoleOrd>) -> Option<&mut BTreeSet<RolePlace>> {
        match parent {
            Some(parent) => self.below.get_mut(&parent),
            None => Some(&mut self.top),
        }
    }
}

/// Whether a role's own clients come before what is at a place below the role.
fn comes_before(roster: &Roster, role: RoleOrd, place: &RolePlace) -> bool {
    let own = roster.own_share(role).cmp(&place.share);
    own.then_with(|| roster.own_grants(role).cmp(&place.grants)) != Ordering::Greater
}

fn role_place(roster: &Roster, role: RoleOrd) -> RolePlace {
    Place {
        share: roster.role_share(role),
        grants: roster.role_grants(role),
        name: roster.role_name(role).clone(),
        ordinal: role,
    }
}

fn client_place(roster: &Roster, client: ClientOrd) -> ClientPlace {
    Place {
        share: roster.client_share(client),
        grants: roster.client_grants(client),
        name: roster.framework_id_of(client).clone(),
        ordinal: client,
    }
}
