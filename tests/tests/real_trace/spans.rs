//! What was exported, as trees: [`Spans`].

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use std::collections::BTreeMap;
use std::fmt;

/// A span with the service that exported it.
#[derive(Clone, PartialEq)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) trace: Vec<u8>,
    pub(crate) id: Vec<u8>,
    /// Empty for a root.
    pub(crate) parent: Vec<u8>,
    /// Nanoseconds since 1970.
    pub(crate) start: u64,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Span {
    /// The spans of a resource.
    pub(crate) fn all_of(resource: ResourceSpans) -> Vec<Span> {
        let attributes = texts(&resource.resource.unwrap_or_default().attributes);
        let service = attributes.get("service.name").cloned().expect("a service.name");
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        let spans = spans.map(|span| Span {
            service: service.clone(),
            name: span.name,
            trace: span.trace_id,
            id: span.span_id,
            parent: span.parent_span_id,
            start: span.start_time_unix_nano,
            attributes: texts(&span.attributes),
        });
        spans.collect()
    }

    pub(crate) fn is_root(&self) -> bool {
        self.parent.is_empty()
    }

    pub(crate) fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).map(String::as_str)
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some((attribute.key.clone(), text.clone())),
        _ => None,
    };
    attributes.iter().filter_map(text).collect()
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.service, self.name)
    }
}

/// All that was exported.
pub(crate) struct Spans(Vec<Span>);

impl Spans {
    pub(crate) fn new(spans: Vec<Span>) -> Self {
        Spans(spans)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Span> {
        self.0.iter()
    }

    pub(crate) fn of_trace(&self, trace: &[u8]) -> Vec<&Span> {
        self.all().filter(|span| span.trace == trace).collect()
    }

    /// From the root to a span; none while a parent is missing.
    pub(crate) fn path<'a>(&'a self, span: &'a Span) -> Option<Vec<&'a Span>> {
        let mut path = vec![span];
        let mut at = span;
        while !at.is_root() {
            at = self.all().find(|other| other.trace == at.trace && other.id == at.parent)?;
            path.push(at);
        }
        path.reverse();
        Some(path)
    }

    fn show(&self, f: &mut fmt::Formatter<'_>, span: &Span, depth: usize) -> fmt::Result {
        writeln!(f, "{:indent$}{span:?} {:?}", "", span.attributes, indent = depth * 2)?;
        let below = self.all().filter(|s| s.trace == span.trace && s.parent == span.id);
        below.into_iter().try_for_each(|span| self.show(f, span, depth + 1))
    }
}

/// Every tree; orphans stand at the margin.
impl fmt::Display for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_top =
            |span: &&Span| !self.all().any(|s| s.trace == span.trace && s.id == span.parent);
        writeln!(f, "{} spans", self.0.len())?;
        self.all().filter(is_top).try_for_each(|span| self.show(f, span, 0))
    }
}
