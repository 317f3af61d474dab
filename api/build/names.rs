//! How prost spells protobuf names in Rust.

use heck::{ToSnakeCase, ToUpperCamelCase};

/// The Rust path of a message or enum: `.mesos.v1.agent.Call.GetMetrics` is
/// `crate::v1::agent::call::GetMetrics`.
pub(crate) fn type_path(full_name: &str) -> String {
    if full_name == ".google.protobuf.Duration" {
        return "crate::v1::Duration".to_owned();
    }
    let relative = full_name.trim_start_matches(".mesos.");
    let (scope, name) = relative.rsplit_once('.').unwrap_or(("", relative));
    let mut path = String::from("crate");
    for part in scope.split('.') {
        path.push_str("::");
        path.push_str(&part.to_snake_case());
    }
    path.push_str("::");
    path.push_str(&name.to_upper_camel_case());
    path
}

/// The Rust path of the enum that holds a oneof of a message.
pub(crate) fn oneof_path(message: &str, oneof: &str) -> String {
    type_path(&format!("{message}.{oneof}"))
}

pub(crate) fn variant(field: &str) -> String {
    field.to_upper_camel_case()
}

/// The name of a field. A keyword that is not listed here fails to compile, and is then added.
pub(crate) fn field(name: &str) -> String {
    match name {
        "type" | "ref" | "final" | "virtual" | "abstract" | "async" | "box" | "move" | "mod"
        | "use" | "where" | "match" | "loop" | "in" => format!("r#{name}"),
        _ => name.to_snake_case(),
    }
}

/// The name of the static that holds a message's descriptor table.
pub(crate) fn table(full_name: &str) -> String {
    full_name.trim_start_matches('.').replace('.', "_").to_uppercase()
}
