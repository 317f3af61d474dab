//! [`with_causes`]: an error as people read it. Errors' own texts never repeat their causes.

use std::error::Error;

/// The error and each of its causes, outermost first, on one line: `cannot read it: no such file`.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("inner")]
    struct Inner(#[source] std::fmt::Error);

    #[test]
    fn causes_follow_in_order() {
        let cause = std::fmt::Error;
        assert_eq!(with_causes(&Outer(Inner(cause))), format!("outer: inner: {cause}"));
        assert_eq!(with_causes(&cause), cause.to_string());
    }
}
