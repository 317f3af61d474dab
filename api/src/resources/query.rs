//! Views of resources: parts of them, and what they amount to.

use crate::ids::Role;

use super::entry::Entry;
use super::limits::ResourceLimits;
use super::name::ResourceName;
use super::quantities::ScalarQuantities;
use super::ranges::Ranges;
use super::scalar::Scalar;
use super::value::Value;
use super::Resources;

impl Resources {
    /// The entries that `keep` accepts.
    pub fn filter(&self, keep: impl Fn(&Entry) -> bool) -> Resources {
        let entries = self.iter().filter(|entry| keep(entry)).cloned().collect();
        Resources { entries }
    }

    /// What is called `name`.
    pub fn named(&self, name: &ResourceName) -> Resources {
        self.filter(|entry| entry.name() == name)
    }

    pub fn unreserved(&self) -> Resources {
        self.filter(|entry| !entry.is_reserved())
    }

    /// What is reserved for anybody.
    pub fn reserved(&self) -> Resources {
        self.filter(Entry::is_reserved)
    }

    /// What is reserved for exactly `role`, not for an ancestor of it.
    pub fn reserved_for(&self, role: &Role) -> Resources {
        self.filter(|entry| entry.reserved_for() == Some(role))
    }

    /// What a framework in `role` may be offered: the unreserved, and what is reserved for `role`
    /// or an ancestor of it.
    pub fn available_to(&self, role: &Role) -> Resources {
        self.filter(|entry| entry.is_available_to(role))
    }

    pub fn allocated_to(&self, role: &Role) -> Resources {
        self.filter(|entry| entry.allocated_to() == Some(role))
    }

    pub fn revocable(&self) -> Resources {
        self.filter(Entry::is_revocable)
    }

    pub fn non_revocable(&self) -> Resources {
        self.filter(|entry| !entry.is_revocable())
    }

    pub fn shared(&self) -> Resources {
        self.filter(Entry::is_shared)
    }

    pub fn non_shared(&self) -> Resources {
        self.filter(|entry| !entry.is_shared())
    }

    pub fn persistent_volumes(&self) -> Resources {
        self.filter(Entry::is_persistent_volume)
    }

    /// The roles that something is allocated to, ascending, each once.
    pub fn allocation_roles(&self) -> Vec<Role> {
        let mut roles: Vec<Role> = self.iter().filter_map(Entry::allocated_to).cloned().collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }

    /// The names in it, ascending, each once.
    pub fn names(&self) -> impl Iterator<Item = &ResourceName> {
        let groups = self.entries.chunk_by(|a, b| a.name() == b.name());
        groups.map(|group| group[0].name())
    }

    /// Whether some name is there both revocable and not, which no task may use.
    pub fn mixes_revocable(&self) -> bool {
        let mut groups = self.entries.chunk_by(|a, b| a.name() == b.name());
        groups
            .any(|group| group.iter().any(|entry| entry.is_revocable() != group[0].is_revocable()))
    }

    /// The amount of `name` over all entries, each shared one once; zero if there is none.
    pub fn scalar(&self, name: &ResourceName) -> Scalar {
        let start = self.entries.partition_point(|entry| entry.name() < name);
        self.entries[start..]
            .iter()
            .take_while(|entry| entry.name() == name)
            .filter_map(|entry| entry.value().scalar())
            .fold(Scalar::ZERO, Scalar::saturating_add)
    }

    pub fn cpus(&self) -> Scalar {
        self.scalar(&ResourceName::CPUS)
    }

    pub fn gpus(&self) -> Scalar {
        self.scalar(&ResourceName::GPUS)
    }

    /// In megabytes.
    pub fn mem(&self) -> Scalar {
        self.scalar(&ResourceName::MEM)
    }

    /// In megabytes, volumes included.
    pub fn disk(&self) -> Scalar {
        self.scalar(&ResourceName::DISK)
    }

    /// The ranges of `name` over all entries, united.
    pub fn ranges(&self, name: &ResourceName) -> Ranges {
        self.iter()
            .filter(|entry| entry.name() == name)
            .filter_map(|entry| entry.value().ranges())
            .fold(Ranges::empty(), |all, ranges| all.union(ranges))
    }

    pub fn ports(&self) -> Ranges {
        self.ranges(&ResourceName::PORTS)
    }

    /// The amounts by name, without regard to reservations, volumes or allocation, each shared
    /// entry once. Ranges and sets do not count.
    pub fn quantities(&self) -> ScalarQuantities {
        ScalarQuantities::from_sorted_sums(
            self.iter().filter_map(|entry| Some((entry.name(), entry.value().scalar()?))),
        )
    }

    /// As much of it as fits `limits`, taken in iteration order: an entry is cut where its name's
    /// limit is reached, or left out if it is indivisible; gpus stay whole numbers. Names without
    /// a limit stay whole, and so do ranges and sets.
    pub fn shrink(&self, limits: &ResourceLimits) -> Resources {
        let mut taken: (Option<&ResourceName>, Scalar) = (None, Scalar::ZERO);
        let mut kept = Vec::with_capacity(self.entries.len());
        for entry in self {
            if taken.0 != Some(entry.name()) {
                taken = (Some(entry.name()), Scalar::ZERO);
            }
            let limit = limits.get(entry.name());
            let (Some(limit), Some(amount)) = (limit, entry.value().scalar()) else {
                kept.push(entry.clone());
                continue;
            };
            let room = limit.saturating_sub(taken.1);
            if amount > room && entry.is_indivisible() {
                continue;
            }
            let mut amount = amount.min(room);
            if *entry.name() == ResourceName::GPUS {
                amount = amount.floor();
            }
            taken.1 = taken.1.saturating_add(amount);
            let cut = entry.clone().with_value(Value::Scalar(amount));
            kept.extend(Some(cut).filter(|entry| !entry.is_empty()));
        }
        Resources { entries: kept }
    }
}
