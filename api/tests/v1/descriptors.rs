//! `proto/` against `mesos-v1.tsv`, the table of every message, field and enum value of the v1
//! API: nothing missing, nothing extra, same numbers, labels, types, options and order.

use std::collections::BTreeMap;

use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto};

/// Rows of the table by kind and scope, in order.
type Rows = BTreeMap<(String, String), Vec<[String; 5]>>;

#[test]
fn descriptors_equal_the_table() {
    let expected = table();
    let actual = compiled();
    for (scope, rows) in &expected {
        assert_eq!(actual.get(scope), Some(rows), "{scope:?}");
    }
    for scope in actual.keys() {
        assert!(expected.contains_key(scope), "{scope:?} is not in the table");
    }
    let count: usize = expected.values().map(Vec::len).sum();
    assert_eq!(count, 1678, "rows");
}

fn table() -> Rows {
    let mut rows = Rows::new();
    for line in include_str!("../mesos-v1.tsv").lines().skip(1) {
        let mut columns = line.split('\t').map(str::to_owned);
        let mut next = || columns.next().unwrap_or_default();
        let scope = (next(), next());
        let row = std::array::from_fn(|_| next());
        rows.entry(scope).or_default().push(row);
    }
    rows
}

fn compiled() -> Rows {
    let mut rows = Rows::new();
    for file in &crate::support::descriptors().file {
        if file.package() == "google.protobuf" {
            continue;
        }
        for message in &file.message_type {
            add_message(&mut rows, file.package(), message);
        }
        for item in &file.enum_type {
            add_enum(&mut rows, file.package(), item);
        }
    }
    rows
}

fn add_message(rows: &mut Rows, scope: &str, message: &DescriptorProto) {
    let scope = format!("{scope}.{}", message.name());
    for field in &message.field {
        let row = [
            field.name().to_owned(),
            field.number().to_string(),
            label(field).to_owned(),
            type_name(field),
            options(message, field),
        ];
        rows.entry(("field".to_owned(), scope.clone())).or_default().push(row);
    }
    if message.field.is_empty() {
        rows.insert(("message".to_owned(), scope.clone()), vec![Default::default()]);
    }
    for nested in &message.nested_type {
        add_message(rows, &scope, nested);
    }
    for item in &message.enum_type {
        add_enum(rows, &scope, item);
    }
}

fn add_enum(rows: &mut Rows, scope: &str, item: &EnumDescriptorProto) {
    let row = |name: &str, number: i32| {
        [name.to_owned(), number.to_string(), String::new(), String::new(), String::new()]
    };
    let values = item.value.iter().map(|value| row(value.name(), value.number())).collect();
    rows.insert(("enum".to_owned(), format!("{scope}.{}", item.name())), values);
}

fn label(field: &FieldDescriptorProto) -> &'static str {
    match field.label() {
        Label::Required => "required",
        Label::Optional => "optional",
        Label::Repeated => "repeated",
    }
}

fn type_name(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => field.type_name().trim_start_matches('.').to_owned(),
        scalar => scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    }
}

fn options(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let mut options = Vec::new();
    if let Some(index) = field.oneof_index {
        options.push(format!("oneof={}", message.oneof_decl[index as usize].name()));
    }
    if let Some(default) = &field.default_value {
        options.push(format!("default={default}"));
    }
    if field.options.as_ref().is_some_and(|options| options.deprecated()) {
        options.push("deprecated".to_owned());
    }
    options.join(" ")
}
