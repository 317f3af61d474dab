//! What tests write things as. Constraints are `rack equals r1 & @region exists | host matches a.*`, groups by
//! `|` and clauses by `&`; a name that begins with `@` is not an attribute's.

use meseta_api::resources::{Descriptor, Entry, Resources};
use meseta_api::v1::scheduler::attribute_constraint::predicate::{
    Exists, NotExists, Predicate, TextEquals, TextMatches, TextNotEquals, TextNotMatches,
};
use meseta_api::v1::scheduler::attribute_constraint::selector::{PseudoattributeType, Selector};
use meseta_api::v1::scheduler::offer_constraints::role_constraints::Group;
use meseta_api::v1::scheduler::offer_constraints::RoleConstraints;
use meseta_api::v1::scheduler::AttributeConstraint;

/// Resources that can be taken back at any time.
pub(super) fn revocable(text: &str) -> Resources {
    let lend = |entry: &Entry| {
        let descriptor = Descriptor { revocable: true, ..entry.descriptor().clone() };
        entry.clone().with_descriptor(descriptor).unwrap()
    };
    Resources::from_entries(Resources::parse(text).unwrap().iter().map(lend)).unwrap()
}

pub(super) fn constraints(text: &str) -> RoleConstraints {
    let group =
        |text: &str| Group { attribute_constraints: text.split(" & ").map(clause).collect() };
    RoleConstraints { groups: text.split(" | ").map(group).collect() }
}

pub(super) fn clause(text: &str) -> AttributeConstraint {
    let mut words = text.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (name, predicate, value) = (word(), word(), word().to_owned());
    let selector = match name.strip_prefix('@') {
        None => Selector::AttributeName(name.to_owned()),
        Some(name) => {
            let kind = PseudoattributeType::from_str_name(&name.to_uppercase()).unwrap();
            Selector::PseudoattributeType(kind.into())
        }
    };
    let predicate = match predicate {
        "exists" => Predicate::Exists(Exists {}),
        "not-exists" => Predicate::NotExists(NotExists {}),
        "equals" => Predicate::TextEquals(TextEquals { value }),
        "not-equals" => Predicate::TextNotEquals(TextNotEquals { value }),
        "matches" => Predicate::TextMatches(TextMatches { regex: value }),
        "not-matches" => Predicate::TextNotMatches(TextNotMatches { regex: value }),
        other => panic!("what is {other}?"),
    };
    let mut clause = AttributeConstraint::default();
    clause.selector.selector = Some(selector);
    clause.predicate.predicate = Some(predicate);
    clause
}
