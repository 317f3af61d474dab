//! Resources as an object: `{"cpus": 4.0, "ports": "[31000-32000]"}`.

use super::v1;
use meseta_api::resources::Resources;
use meseta_api::v1::{Attribute, Resource};
use serde_json::{json, Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Always there, also when nothing is: clients add them up.
const ALWAYS: [&str; 4] = ["cpus", "gpus", "mem", "disk"];

#[derive(Default)]
struct Amounts {
    scalars: BTreeMap<String, f64>,
    ranges: BTreeMap<String, Vec<(u64, u64)>>,
    sets: BTreeMap<String, BTreeSet<String>>,
}

impl Amounts {
    fn of<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Amounts {
        let mut amounts = Amounts::default();
        for resource in resources {
            let name = match resource.revocable {
                Some(_) => format!("{}_revocable", resource.name),
                None => resource.name.clone(),
            };
            if let Some(scalar) = &resource.scalar {
                *amounts.scalars.entry(name).or_default() += scalar.value;
            } else if let Some(ranges) = &resource.ranges {
                let pairs = ranges.range.iter().map(|range| (range.begin, range.end));
                amounts.ranges.entry(name).or_default().extend(pairs);
            } else if let Some(set) = &resource.set {
                let items = set.item.iter().cloned();
                amounts.sets.entry(name).or_default().extend(items);
            }
        }
        amounts
    }

    fn write(self, out: &mut Map<String, Value>) {
        for (name, value) in self.scalars {
            out.insert(name, json!(rounded(value)));
        }
        for (name, ranges) in self.ranges {
            out.insert(name, json!(ranges_text(ranges)));
        }
        for (name, items) in self.sets {
            let items: Vec<String> = items.into_iter().collect();
            out.insert(name, json!(format!("{{{}}}", items.join(", "))));
        }
    }
}

/// Sums have three decimals, as each of their terms.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn ranges_text(mut ranges: Vec<(u64, u64)>) -> String {
    ranges.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (begin, end) in ranges {
        match merged.last_mut() {
            Some(last) if begin <= last.1.saturating_add(1) => last.1 = last.1.max(end),
            _ => merged.push((begin, end)),
        }
    }
    let texts: Vec<String> = merged.iter().map(|(begin, end)| format!("{begin}-{end}")).collect();
    format!("[{}]", texts.join(", "))
}

/// The whole of these resources.
pub fn resources(resources: &[Resource]) -> Value {
    object(resources.iter())
}

fn object<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Value {
    let mut out = Map::new();
    for name in ALWAYS {
        out.insert(name.to_owned(), json!(0.0));
    }
    Amounts::of(resources).write(&mut out);
    Value::Object(out)
}

/// Only the scalars that there are, as `/roles` has them.
pub fn quantities<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Value {
    let mut out = Map::new();
    let mut amounts = Amounts::of(resources);
    amounts.ranges.clear();
    amounts.sets.clear();
    amounts.scalars.retain(|_, value| rounded(*value) != 0.0);
    amounts.write(&mut out);
    Value::Object(out)
}

/// For whom a resource is reserved, in the old notation or the new.
fn reserved_for(resource: &Resource) -> Option<&str> {
    let refined = resource.reservations.last().and_then(|r| r.role.as_deref());
    refined.or(resource.role.as_deref()).filter(|role| *role != "*")
}

/// What is allocated to a role, of these resources.
pub fn allocated_to<'a>(
    resources: &'a [Resource],
    role: &'a str,
) -> impl Iterator<Item = &'a Resource> {
    resources.iter().filter(move |resource| {
        let allocated = resource.allocation_info.as_ref();
        allocated.and_then(|a| a.role.as_deref()) == Some(role)
    })
}

/// What nobody has reserved.
pub fn unreserved(resources: &[Resource]) -> Value {
    object(resources.iter().filter(|r| reserved_for(r).is_none()))
}

/// What is reserved, by role.
pub fn reserved(resources: &[Resource]) -> Value {
    by_role(resources, |of_role| object(of_role.iter().copied()))
}

/// Every resource by itself, in v1 JSON of the form before reservations were refined.
pub fn full(resources: &[Resource]) -> Value {
    let messages = match Resources::from_v1(resources) {
        Ok(read) => read.to_v1_endpoint(),
        Err(_) => resources.to_vec(),
    };
    messages.iter().map(v1).collect()
}

/// The full form of what nobody has reserved, and, by role, of what somebody has.
pub fn reserved_full(resources: &[Resource]) -> (Value, Value) {
    let free = resources.iter().filter(|r| reserved_for(r).is_none());
    let free: Vec<Resource> = free.cloned().collect();
    let taken = by_role(resources, |of_role| {
        let of_role: Vec<Resource> = of_role.iter().copied().cloned().collect();
        full(&of_role)
    });
    (full(&free), taken)
}

fn by_role(resources: &[Resource], show: impl Fn(&[&Resource]) -> Value) -> Value {
    let mut roles: BTreeMap<&str, Vec<&Resource>> = BTreeMap::new();
    for resource in resources {
        if let Some(role) = reserved_for(resource) {
            roles.entry(role).or_default().push(resource);
        }
    }
    let shown = roles.into_iter().map(|(role, of_role)| (role.to_owned(), show(&of_role)));
    Value::Object(shown.collect())
}

/// An agent's attributes: numbers, or texts.
pub fn attributes(attributes: &[Attribute]) -> Value {
    let shown = attributes.iter().filter_map(|attribute| {
        let value = if let Some(scalar) = &attribute.scalar {
            json!(scalar.value)
        } else if let Some(text) = &attribute.text {
            json!(text.value)
        } else if let Some(ranges) = &attribute.ranges {
            let pairs = ranges.range.iter().map(|range| (range.begin, range.end));
            json!(ranges_text(pairs.collect()))
        } else {
            return None;
        };
        Some((attribute.name.clone(), value))
    });
    Value::Object(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: Value) -> Vec<Resource> {
        let list = json.as_array().unwrap();
        let bytes = |value: &Value| serde_json::to_vec(value).unwrap();
        let codec = meseta_api::codec::Codec::Json;
        list.iter().map(|r| codec.decode(&bytes(r)).unwrap()).collect()
    }

    fn some() -> Vec<Resource> {
        parsed(json!([
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.2},
             "allocation_info": {"role": "*"}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 64},
             "reservations": [{"type": "DYNAMIC", "role": "eng"}]},
            {"name": "ports", "type": "RANGES", "ranges": {"range": [
                {"begin": 20, "end": 30}, {"begin": 1, "end": 5}, {"begin": 6, "end": 6}]}},
            {"name": "tags", "type": "SET", "set": {"item": ["b", "a"]}},
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 2}, "revocable": {}},
        ]))
    }

    #[test]
    fn leg_01_resources_are_an_object_with_the_usual_names_always_there() {
        assert_eq!(
            resources(&some()),
            json!({"cpus": 0.3, "gpus": 0.0, "mem": 64.0, "disk": 0.0, "cpus_revocable": 2.0,
                   "ports": "[1-6, 20-30]", "tags": "{a, b}"})
        );
        let none = json!({"cpus": 0.0, "gpus": 0.0, "mem": 0.0, "disk": 0.0});
        assert_eq!(resources(&[]), none);
        assert_eq!(unreserved(&some())["mem"], 0.0);
        assert_eq!(reserved(&some())["eng"]["mem"], 64.0);
        assert_eq!(reserved(&[]), json!({}));
        assert_eq!(quantities(allocated_to(&some(), "*")), json!({"cpus": 0.2}));
    }

    #[test]
    fn leg_01_the_full_form_names_the_role() {
        let all = parsed(json!([
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 4}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 64},
             "reservations": [{"type": "STATIC", "role": "eng"}]},
        ]));
        let (free, taken) = reserved_full(&all);
        let cpus = json!({"name": "cpus", "type": "SCALAR", "scalar": {"value": 4.0}, "role": "*"});
        assert_eq!(free, json!([cpus]));
        assert_eq!(taken["eng"][0]["role"], "eng");
    }

    #[test]
    fn leg_01_ranges_at_the_end_of_numbers() {
        assert_eq!(
            ranges_text(vec![(u64::MAX, u64::MAX), (3, u64::MAX - 1)]),
            format!("[3-{}]", u64::MAX)
        );
        assert_eq!(ranges_text(vec![]), "[]");
    }

    #[test]
    fn leg_01_attributes_are_numbers_or_texts() {
        let parsed = meseta_api::attributes::parse("rack:r1;level:2;ports:[5-6]").unwrap();
        let expected = json!({"rack": "r1", "level": 2.0, "ports": "[5-6]"});
        assert_eq!(attributes(&parsed), expected);
    }
}
