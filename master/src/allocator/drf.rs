//! [`Order`]: who is next. Roles by weighted dominant share, then the frameworks of a role by
//! theirs; ties go to whoever was granted less often, then to the smaller name.
//!
//! The order of all clients is kept by the roster and changes with it, one client at a time, so
//! that a round does not begin by sorting. A pass that considers few clients makes one of those.
//! The role level is one flat set; a tree of roles replaces it by nesting the same sets.

use super::ordinals::{ClientOrd, RoleOrd};
use super::roster::Roster;
use super::share::Share;
use meseta_api::ids::{FrameworkId, Role};
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
#[derive(Debug)]
pub(super) struct Order {
    roles: BTreeSet<RolePlace>,
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
        Order {
            roles: places.keys().map(|role| role_place(roster, *role)).collect(),
            clients: places
                .into_iter()
                .map(|(role, of_role)| (role, of_role.into_iter().collect()))
                .collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.roles.is_empty()
    }

    /// Roles, the one to be served first first.
    pub(super) fn roles(&self) -> impl Iterator<Item = RoleOrd> + '_ {
        self.roles.iter().map(|place| place.ordinal)
    }

    /// A role's clients, the one to be served first first.
    pub(super) fn clients(&self, role: RoleOrd) -> impl Iterator<Item = ClientOrd> + '_ {
        let places = self.clients.get(&role).into_iter().flatten();
        places.map(|place| place.ordinal)
    }

    /// Takes a client, if it is here, and its role's place out, before what they hold changes.
    pub(super) fn take_out(&mut self, roster: &Roster, client: ClientOrd) {
        let role = roster.role_of(client);
        if let Some(of_role) = self.clients.get_mut(&role) {
            self.roles.remove(&role_place(roster, role));
            of_role.remove(&client_place(roster, client));
        }
    }

    /// Takes a client, if it wants offers, and its role to their places after a change. O(log n).
    pub(super) fn put_in(&mut self, roster: &Roster, client: ClientOrd) {
        let role = roster.role_of(client);
        if roster.wants_offers(client).is_some() {
            let of_role = self.clients.entry(role).or_default();
            of_role.insert(client_place(roster, client));
        }
        match self.clients.get(&role) {
            Some(of_role) if of_role.is_empty() => {
                self.clients.remove(&role);
            }
            Some(_) => {
                self.roles.insert(role_place(roster, role));
            }
            None => {}
        }
    }
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
