//! Writes `named.rs`: tables, `V1Message` impls and `V1Enum` impls.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::{self, Write};

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use crate::names;

/// Lists that Mesos prints in JSON even where they are empty, so that clients go through them
/// without a look whether they are there. Everywhere else an empty list is left out.
const ALWAYS_PRINTED: &[(&str, &[&str])] = &[
    (".mesos.v1.master.Response.GetAgents", &["agents", "recovered_agents"]),
    (".mesos.v1.master.Response.GetExecutors", &["executors"]),
    (".mesos.v1.master.Response.GetFrameworks", &["frameworks", "completed_frameworks"]),
    (".mesos.v1.master.Response.GetTasks", &["tasks", "unreachable_tasks", "completed_tasks"]),
    (".mesos.v1.agent.Response.GetExecutors", &["executors", "completed_executors"]),
    (".mesos.v1.agent.Response.GetFrameworks", &["frameworks", "completed_frameworks"]),
    (
        ".mesos.v1.agent.Response.GetTasks",
        &["pending_tasks", "queued_tasks", "launched_tasks", "terminated_tasks", "completed_tasks"],
    ),
];

/// Presence of fields is a 64-bit set.
const MAX_FIELDS: usize = 64;

/// The generated source for all messages and enums of `descriptors`.
pub(crate) fn generate(descriptors: &FileDescriptorSet) -> Result<String, Box<dyn Error>> {
    let mut writer =
        Writer { out: String::new(), maps: BTreeMap::new(), insistent: BTreeSet::new() };
    let messages = || {
        descriptors.file.iter().flat_map(|file| {
            file.message_type.iter().map(move |message| (format!(".{}", file.package()), message))
        })
    };
    for (scope, message) in messages() {
        writer.classify(&scope, message);
    }
    for (scope, message) in messages() {
        writer.message(&scope, message)?;
    }
    for file in &descriptors.file {
        for item in &file.enum_type {
            writer.enumeration(&format!(".{}", file.package()), item)?;
        }
    }
    Ok(writer.out)
}

struct Writer<'a> {
    out: String,
    /// Map entries by full name: they have tables, but no Rust type.
    maps: BTreeMap<String, &'a DescriptorProto>,
    /// Messages with required fields.
    insistent: BTreeSet<String>,
}

impl<'a> Writer<'a> {
    fn classify(&mut self, scope: &str, message: &'a DescriptorProto) {
        let full_name = format!("{scope}.{}", message.name());
        if message.options.as_ref().is_some_and(|options| options.map_entry()) {
            self.maps.insert(full_name.clone(), message);
        }
        if message.field.iter().any(|field| field.label() == Label::Required) {
            self.insistent.insert(full_name.clone());
        }
        for nested in &message.nested_type {
            self.classify(&full_name, nested);
        }
    }

    fn message(&mut self, scope: &str, message: &DescriptorProto) -> Result<(), Box<dyn Error>> {
        let full_name = format!("{scope}.{}", message.name());
        if message.field.len() > MAX_FIELDS {
            return Err(format!("{full_name} has more than {MAX_FIELDS} fields").into());
        }
        self.table(&full_name, message)?;
        if !self.maps.contains_key(&full_name) {
            self.implementation(&full_name, message)?;
        }
        for nested in &message.nested_type {
            self.message(&full_name, nested)?;
        }
        for item in &message.enum_type {
            self.enumeration(&full_name, item)?;
        }
        Ok(())
    }

    fn enumeration(&mut self, scope: &str, item: &EnumDescriptorProto) -> fmt::Result {
        let full_name = format!("{scope}.{}", item.name());
        let rust = names::type_path(&full_name);
        writeln!(self.out, "v1_enum!({rust}, {:?});", full_name.trim_start_matches('.'))
    }

    /// The descriptor table: fields by ascending number.
    fn table(&mut self, full_name: &str, message: &DescriptorProto) -> fmt::Result {
        let name = names::table(full_name);
        writeln!(
            self.out,
            "static {name}: MessageTable = MessageTable {{ name: {:?}, fields: &[",
            full_name.trim_start_matches('.')
        )?;
        let default_value = self.insisted_value(full_name, message);
        for field in by_number(message) {
            let label = match field.label() {
                Label::Required => "Required",
                Label::Optional if default_value.is_some() && field.number() == 2 => "Required",
                Label::Optional => "Optional",
                Label::Repeated => "Repeated",
            };
            let kind = match field.r#type() {
                Type::Message => format!("Message(&{})", names::table(field.type_name())),
                Type::Enum => {
                    format!("Enum({}::is_valid)", names::type_path(field.type_name()))
                }
                _ => "Scalar".to_owned(),
            };
            writeln!(
                self.out,
                "FieldTable {{ name: {:?}, number: {}, label: Label::{label}, kind: FieldKind::{kind}, oneof: {:?} }},",
                field.name(),
                field.number(),
                field.oneof_index
            )?;
        }
        let default_value = match default_value {
            Some(value) => {
                format!("Some(|| {}::default().encode_to_vec())", names::type_path(value))
            }
            None => "None".to_owned(),
        };
        writeln!(self.out, "], default_value: {default_value} }};")
    }

    /// The type of the values, where `message` is a map entry and they have required fields.
    fn insisted_value<'m>(&self, full_name: &str, message: &'m DescriptorProto) -> Option<&'m str> {
        self.maps.get(full_name)?;
        let value = message.field.iter().find(|field| field.number() == 2)?;
        self.insistent.contains(value.type_name()).then(|| value.type_name())
    }

    fn implementation(&mut self, full_name: &str, message: &DescriptorProto) -> fmt::Result {
        let rust = names::type_path(full_name);
        let table = names::table(full_name);
        writeln!(self.out, "impl V1Message for {rust} {{")?;
        writeln!(self.out, "fn table() -> &'static MessageTable {{ &{table} }}")?;
        // Messages without fields have nothing to do with what they are given.
        let (index, input, out) =
            if message.field.is_empty() { ("_", "_", "_") } else { ("index", "input", "out") };
        writeln!(
            self.out,
            "fn read_field<'de, A: MapAccess<'de>>(&mut self, {index}: usize, {input}: &mut Input<'_, A>) \
             -> Result<bool, A::Error> {{"
        )?;
        if message.field.is_empty() {
            writeln!(self.out, "Ok(false) }}")?;
        } else {
            writeln!(self.out, "match index {{")?;
            for (index, field) in by_number(message).into_iter().enumerate() {
                let read = self.read(full_name, message, field);
                writeln!(self.out, "{index} => {read},")?;
            }
            writeln!(self.out, "_ => Ok(false), }} }}")?;
        }
        writeln!(
            self.out,
            "fn write_fields<W: FieldSink>(&self, {out}: &mut W) -> Result<(), W::Error> {{"
        )?;
        for field in &message.field {
            let write = self.write(full_name, message, field);
            writeln!(self.out, "{write}")?;
        }
        writeln!(self.out, "Ok(()) }}")?;
        writeln!(
            self.out,
            "fn from_json(bytes: &[u8]) -> Result<Self, DecodeError> {{ json::from_slice(bytes) }}"
        )?;
        writeln!(self.out, "fn to_json(&self) -> Vec<u8> {{ json::to_vec(self) }} }}")?;
        writeln!(self.out, "v1_message!({rust});")
    }

    fn read(
        &self,
        full_name: &str,
        message: &DescriptorProto,
        field: &FieldDescriptorProto,
    ) -> String {
        let name = names::field(field.name());
        if let Some(value) = self.map_value(field) {
            return format!("input.map::<{}>(&mut self.{name})", kind(value));
        }
        let kind = kind(field);
        match (field.label(), oneof(message, field)) {
            (Label::Repeated, _) => format!("input.many::<{kind}>(&mut self.{name})"),
            (_, Some(oneof)) => format!(
                "{{ let mut value = Default::default(); let is_set = input.required::<{kind}>(&mut value)?; \
                 if is_set {{ self.{} = Some({}::{}(value)); }} Ok(is_set) }}",
                names::field(oneof),
                names::oneof_path(full_name, oneof),
                names::variant(field.name())
            ),
            (Label::Required, None) => format!("input.required::<{kind}>(&mut self.{name})"),
            (Label::Optional, None) => format!("input.optional::<{kind}, _>(&mut self.{name})"),
        }
    }

    fn write(
        &self,
        full_name: &str,
        message: &DescriptorProto,
        field: &FieldDescriptorProto,
    ) -> String {
        let json = field.name();
        let name = names::field(json);
        if let Some(value) = self.map_value(field) {
            return format!("write::map::<{}, _>(out, {json:?}, &self.{name})?;", kind(value));
        }
        let kind = kind(field);
        if let Some(oneof) = oneof(message, field) {
            return format!(
                "if let Some({}::{}(value)) = &self.{} {{ write::optional::<{kind}, _, _>(out, {json:?}, Some(value))?; }}",
                names::oneof_path(full_name, oneof),
                names::variant(json),
                names::field(oneof)
            );
        }
        match field.label() {
            Label::Repeated if always_printed(full_name, json) => {
                format!("write::many_or_none::<{kind}, _>(out, {json:?}, &self.{name})?;")
            }
            Label::Repeated => format!("write::many::<{kind}, _>(out, {json:?}, &self.{name})?;"),
            Label::Required => {
                format!("write::required::<{kind}, _, _>(out, {json:?}, &self.{name})?;")
            }
            Label::Optional if prints_default(field) => {
                let value = match field.r#type() {
                    Type::Enum => format!("self.{name}() as i32"),
                    Type::String => format!("self.{name}().to_owned()"),
                    _ => format!("self.{name}()"),
                };
                format!(
                    "write::defaulted::<{kind}, _>(out, {json:?}, self.{name}.is_some(), || {value})?;"
                )
            }
            Label::Optional => {
                format!("write::optional::<{kind}, _, _>(out, {json:?}, self.{name}.as_ref())?;")
            }
        }
    }

    /// The field of the values, where `field` is a map.
    fn map_value(&self, field: &FieldDescriptorProto) -> Option<&'a FieldDescriptorProto> {
        let entry = *self.maps.get(field.type_name())?;
        entry.field.iter().find(|field| field.number() == 2)
    }
}

/// The type in `crate::json::kind` that reads and writes one value of a field.
fn kind(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Double | Type::Float => "kind::Double".to_owned(),
        Type::Int64 | Type::Sint64 | Type::Sfixed64 => "kind::Int64".to_owned(),
        Type::Uint64 | Type::Fixed64 => "kind::Uint64".to_owned(),
        Type::Int32 | Type::Sint32 | Type::Sfixed32 => "kind::Int32".to_owned(),
        Type::Uint32 | Type::Fixed32 => "kind::Uint32".to_owned(),
        Type::Bool => "kind::Bool".to_owned(),
        Type::String => "kind::Text".to_owned(),
        Type::Bytes => "kind::Binary".to_owned(),
        Type::Enum => format!("kind::Enum<{}>", names::type_path(field.type_name())),
        Type::Message | Type::Group => {
            format!("kind::Nested<{}>", names::type_path(field.type_name()))
        }
    }
}

fn always_printed(message: &str, field: &str) -> bool {
    ALWAYS_PRINTED.iter().any(|(name, fields)| *name == message && fields.contains(&field))
}

/// An explicit default is printed where the field is unset, unless the field is deprecated.
fn prints_default(field: &FieldDescriptorProto) -> bool {
    let deprecated = field.options.as_ref().is_some_and(|options| options.deprecated());
    field.default_value.is_some() && !deprecated
}

fn oneof<'m>(message: &'m DescriptorProto, field: &FieldDescriptorProto) -> Option<&'m str> {
    let index = usize::try_from(field.oneof_index?).ok()?;
    message.oneof_decl.get(index).map(|oneof| oneof.name())
}

fn by_number(message: &DescriptorProto) -> Vec<&FieldDescriptorProto> {
    let mut fields: Vec<_> = message.field.iter().collect();
    fields.sort_by_key(|field| field.number());
    fields
}
