//! `--resources`, `--attributes` and lists of resources: what is read shows as a text that reads
//! as the same, and can be taken apart and put together.
//!
//! A NUL in the input, which no text may hold, separates two texts; their resources are added.

use meseta_api::attributes;
use meseta_api::ids::{Role, TaskId};
use meseta_api::resources::{Entry, Resources, ScalarQuantities, Value};
use meseta_api::v1;

pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (left, right) = text.split_once('\0').unwrap_or((text, text));
    let read = [left, right].map(Resources::parse);
    for (text, resources) in [left, right].into_iter().zip(&read) {
        if let Ok(resources) = resources {
            reads_back(text, resources);
            splits(resources);
        }
    }
    if let [Ok(a), Ok(b)] = &read {
        adds(a, b);
    }
    check_attributes(left);
    check_quantities(left);
    check_names(left);
}

fn reads_back(text: &str, resources: &Resources) {
    let messages = resources.to_v1();
    assert_eq!(Resources::from_v1(&messages).as_ref(), Ok(resources));
    let json = serde_json::to_string(resources).expect("resources have a JSON form");
    assert_eq!(Resources::parse(&json).as_ref(), Ok(resources), "{json}");
    let shown = resources.to_string();
    // JSON can say more than the notation; and what a text must not hold raw is shown escaped.
    if !text.trim_start().starts_with('[') && resources.iter().all(is_plain) {
        assert_eq!(Resources::parse(&shown).as_ref(), Ok(resources), "{shown}");
    }
}

/// Whether nothing of it is shown escaped.
fn is_plain(entry: &Entry) -> bool {
    match entry.value() {
        Value::Set(set) => set.iter().all(is_shown_as_is),
        Value::Scalar(_) | Value::Ranges(_) => true,
    }
}

fn is_shown_as_is(text: &str) -> bool {
    text.escape_debug().eq(text.chars())
}

/// Any part can be taken away and added again.
fn splits(all: &Resources) {
    for entry in all {
        let part = Resources::from(entry.clone());
        assert!(all.contains(&part));
        let rest = all.checked_sub(&part).expect("a part can be subtracted");
        assert_eq!(rest.checked_add(&part).as_ref(), Ok(all));
    }
    assert_eq!(all.checked_sub(all), Ok(Resources::new()));
    let role = Role::default();
    let allocated = all.allocate(&role).expect("nothing is allocated twice");
    assert_eq!(allocated.quantities(), all.quantities());
}

fn adds(a: &Resources, b: &Resources) {
    let sum = a.checked_add(b);
    assert_eq!(sum, b.checked_add(a));
    if let Ok(sum) = sum {
        assert!(sum.contains(a) && sum.contains(b));
        assert_eq!(sum.checked_sub(b).as_ref(), Ok(a));
        assert_eq!(sum.checked_sub(a).as_ref(), Ok(b));
    }
    assert_eq!(a.contains(b), a.checked_sub(b).is_ok());
}

fn check_attributes(text: &str) {
    let Ok(read) = attributes::parse(text) else {
        return;
    };
    let is_plain = |attribute: &v1::Attribute| {
        let value = attribute.text.as_ref().map_or("", |text| &text.value);
        is_shown_as_is(&attribute.name) && is_shown_as_is(value)
    };
    if read.iter().all(is_plain) {
        let shown = attributes::Shown(&read).to_string();
        assert_eq!(attributes::parse(&shown).as_ref(), Ok(&read), "{shown}");
    }
}

fn check_quantities(text: &str) {
    if let Ok(read) = text.parse::<ScalarQuantities>() {
        let shown = read.to_string();
        assert_eq!(shown.parse().as_ref(), Ok(&read), "{shown}");
    }
}

fn check_names(text: &str) {
    if let Ok(role) = Role::parse(text) {
        assert_eq!(role.to_string(), text);
        let above = role.parent().is_none_or(|parent| parent.is_ancestor_of(&role));
        assert!(above, "{role} is not below its parent");
    }
    if let Ok(id) = TaskId::parse(text) {
        assert!(!id.as_str().contains(['/', '\\', '\n', '\0']));
    }
}
