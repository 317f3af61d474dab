//! For whom a resource is reserved: a stack of reservations, each refining the one below.

use std::fmt;
use std::sync::Arc;

use crate::ids::Role;

use super::error::ReservationError;
use super::labels::Labels;

/// Who made a reservation: the agent's operator by a flag, or an operation at run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservationKind {
    Static,
    Dynamic,
}

/// One reservation. All of it is identity: the same amount reserved by another principal, or under
/// other labels, is another resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reservation {
    pub kind: ReservationKind,
    pub role: Role,
    pub principal: Option<Arc<str>>,
    pub labels: Labels,
}

impl Reservation {
    /// One made on the agent's command line.
    pub fn fixed(role: Role) -> Self {
        Self { kind: ReservationKind::Static, role, principal: None, labels: Labels::default() }
    }

    /// One made by an operation of `principal`.
    pub fn dynamic(role: Role, principal: Option<Arc<str>>, labels: Labels) -> Self {
        Self { kind: ReservationKind::Dynamic, role, principal, labels }
    }
}

/// The reservations of one resource, the most specific last. Invariants: none is for `*`; only the
/// first may be static; each role is strictly below the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReservationStack(Vec<Reservation>);

impl ReservationStack {
    /// Refines by one more reservation.
    pub fn push(&mut self, reservation: Reservation) -> Result<(), ReservationError> {
        if reservation.role.is_default() {
            return Err(ReservationError::DefaultRole);
        }
        if let Some(top) = self.0.last() {
            if reservation.kind == ReservationKind::Static {
                return Err(ReservationError::StaticRefinement);
            }
            if !top.role.is_ancestor_of(&reservation.role) {
                return Err(ReservationError::NotARefinement {
                    role: reservation.role.to_string(),
                    below: top.role.to_string(),
                });
            }
        }
        self.0.push(reservation);
        Ok(())
    }

    /// Takes the most specific reservation off.
    pub fn pop(&mut self) -> Option<Reservation> {
        self.0.pop()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// From the least specific to the most specific.
    pub fn as_slice(&self) -> &[Reservation] {
        &self.0
    }

    /// The role that the resource is reserved for; none if unreserved.
    pub fn role(&self) -> Option<&Role> {
        self.0.last().map(|top| &top.role)
    }

    /// Whether the most specific reservation was made at run time.
    pub fn is_dynamic(&self) -> bool {
        self.0.last().is_some_and(|top| top.kind == ReservationKind::Dynamic)
    }
}

/// Nothing for the unreserved, `(role)` for a plain static one, else
/// `(reservations: [(DYNAMIC,role,principal,{labels})])`.
impl fmt::Display for ReservationStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => Ok(()),
            [only] if *only == Reservation::fixed(only.role.clone()) => {
                write!(f, "({})", only.role)
            }
            all => {
                f.write_str("(reservations: [")?;
                for (index, reservation) in all.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "," };
                    write!(f, "{separator}{reservation}")?;
                }
                f.write_str("])")
            }
        }
    }
}

impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ReservationKind::Static => "STATIC",
            ReservationKind::Dynamic => "DYNAMIC",
        };
        write!(f, "({kind},{}", self.role)?;
        if let Some(principal) = &self.principal {
            write!(f, ",{}", principal.escape_debug())?;
        }
        if !self.labels.is_empty() {
            write!(f, ",{}", self.labels)?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dynamic(role: &str) -> Reservation {
        Reservation::dynamic(Role::parse(role).unwrap(), None, Labels::default())
    }

    fn fixed(role: &str) -> Reservation {
        Reservation::fixed(Role::parse(role).unwrap())
    }

    #[test]
    fn refinement_goes_strictly_down() {
        use ReservationError::*;
        let mut stack = ReservationStack::default();
        assert_eq!(stack.push(dynamic("*")), Err(DefaultRole));
        assert_eq!(stack.push(fixed("eng")), Ok(()));
        assert_eq!(stack.push(fixed("eng/web")), Err(StaticRefinement));
        for other in ["eng", "ops", "engine/web"] {
            let error = stack.push(dynamic(other));
            assert!(matches!(error, Err(NotARefinement { .. })), "{other}");
        }
        assert_eq!(stack.push(dynamic("eng/web")), Ok(()));
        assert_eq!(stack.role().map(Role::as_str), Some("eng/web"));
        assert!(stack.is_dynamic());
        assert_eq!(stack.pop(), Some(dynamic("eng/web")));
        assert!(!stack.is_dynamic());
        assert_eq!(stack.pop(), Some(fixed("eng")));
        assert_eq!(stack.pop(), None);
    }
}
