//! Attributes: what an agent is, for frameworks to choose by. Nothing is ever used up.

use std::fmt;

use crate::resources::{split_items, Literal, NameError, ParseError, ParseErrorKind, Ranges};
use crate::resources::{InvalidResource, ResourceName, ScalarError};
use crate::v1;
use v1::value::Type as WireType;

/// Reads `--attributes`: `rack:r1;level:10;ports:[1-2]`. The notation is that of `--resources`
/// without roles and sets: a number is a SCALAR, ranges are RANGES, anything else is TEXT, which
/// may hold further colons. Names may repeat, and the order is kept: the first of a name counts.
pub fn parse(text: &str) -> Result<Vec<v1::Attribute>, ParseError> {
    let mut attributes = Vec::new();
    for item in split_items(text) {
        let item = item?;
        // Attributes are named by the same rule as resources.
        ResourceName::parse(item.name.text).map_err(|error: NameError| {
            let kind = ParseErrorKind::Resource(InvalidResource::Name(error));
            ParseError::new(item.name, kind)
        })?;
        let mut attribute = v1::Attribute { name: item.name.text.to_owned(), ..Default::default() };
        let kind = match Literal::parse(item.value)? {
            Literal::Number(value) if !value.is_finite() => {
                let kind = ParseErrorKind::Scalar(ScalarError::NotFinite);
                return Err(ParseError::new(item.value, kind));
            }
            Literal::Number(value) => {
                attribute.scalar = Some(v1::value::Scalar { value });
                WireType::Scalar
            }
            Literal::Ranges(ranges) => {
                attribute.ranges = Some(wire_ranges(&ranges));
                WireType::Ranges
            }
            Literal::Text(value) => {
                attribute.text = Some(v1::value::Text { value: value.to_owned() });
                WireType::Text
            }
            Literal::Set(_) => {
                return Err(ParseError::new(item.value, ParseErrorKind::SetAttribute))
            }
        };
        attribute.r#type = kind.into();
        attributes.push(attribute);
    }
    Ok(attributes)
}

fn wire_ranges(ranges: &Ranges) -> v1::value::Ranges {
    let ranges = ranges.as_slice().iter();
    v1::value::Ranges {
        range: ranges
            .map(|range| v1::value::Range { begin: range.begin, end: range.end })
            .collect(),
    }
}

/// Shows attributes in the notation that [`parse`] reads.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(pub &'a [v1::Attribute]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, attribute) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{}:", attribute.name.escape_debug())?;
            if let Some(scalar) = &attribute.scalar {
                write!(f, "{}", scalar.value)?;
            } else if let Some(text) = &attribute.text {
                write!(f, "{}", text.value.escape_debug())?;
            } else if let Some(ranges) = &attribute.ranges {
                f.write_str("[")?;
                for (index, range) in ranges.range.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "," };
                    write!(f, "{separator}{}-{}", range.begin, range.end)?;
                }
                f.write_str("]")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RES-06.
    #[test]
    fn types_follow_the_looks() {
        let attributes = parse(
            "rack:r1; zone : eu-west ;level:10;ports:[5-6,1-2];url:http://h:80;n:-1.5;\nx:inf",
        )
        .unwrap();
        assert_eq!(
            Shown(&attributes).to_string(),
            "rack:r1;zone:eu-west;level:10;ports:[1-2,5-6];url:http://h:80;n:-1.5;x:inf"
        );
        let types: Vec<i32> = attributes.iter().map(|a| a.r#type).collect();
        let (scalar, ranges, text) = (WireType::Scalar, WireType::Ranges, WireType::Text);
        let expected = [text, text, scalar, ranges, text, scalar, text];
        assert_eq!(types, expected.map(i32::from));
    }

    #[test]
    fn repeated_names_keep_their_order() {
        let attributes = parse("rack:a;rack:b").unwrap();
        assert_eq!(Shown(&attributes).to_string(), "rack:a;rack:b");
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn refusals_tell_the_token_and_the_place() {
        let table = [
            ("rack", "no ':' between name and value in 'rack' at byte 0"),
            ("a:1;rack:", "no value in 'rack:' at byte 4"),
            ("a:1; :x", "resource name must not be empty in '' at byte 5"),
            ("a:{x,y}", "attributes cannot be sets in '{x,y}' at byte 2"),
            ("a:1;b:[1-", "no ']' at the end in '[1-' at byte 6"),
            ("a:[9-1]", "range 9-1 is inverted in '[9-1]' at byte 2"),
            ("a:1e999", "amount is NaN or infinite in '1e999' at byte 2"),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).map_err(|e| e.to_string()), Err(expected.into()));
        }
    }
}
