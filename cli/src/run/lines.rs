//! Several outputs on one: whole lines, each with the name of its source. Pure.

/// The output of one source, cut into lines.
#[derive(Clone, Debug)]
pub struct Lines {
    prefix: Option<String>,
    rest: String,
}

/// A line longer than this is cut: memory is bounded whatever a task writes.
const MOST: usize = 64 << 10;

impl Lines {
    /// Lines that begin with `prefix`; without one, text passes unchanged.
    pub fn new(prefix: Option<String>) -> Self {
        Lines { prefix, rest: String::new() }
    }

    /// Takes text; what can be printed now.
    pub fn push(&mut self, text: &str) -> String {
        let Some(prefix) = &self.prefix else {
            return text.to_owned();
        };
        let mut out = String::new();
        for piece in text.split_inclusive('\n') {
            self.rest.push_str(piece);
            if self.rest.ends_with('\n') || self.rest.len() > MOST {
                out.push_str(prefix);
                out.push_str(self.rest.trim_end_matches('\n'));
                out.push('\n');
                self.rest.clear();
            }
        }
        out
    }

    /// What is left when the source has ended.
    pub fn finish(&mut self) -> String {
        match std::mem::take(&mut self.rest) {
            rest if rest.is_empty() => rest,
            rest => format!("{}{rest}\n", self.prefix.as_deref().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_and_named() {
        let mut lines = Lines::new(Some("a| ".into()));
        assert_eq!(lines.push("one\ntw"), "a| one\n");
        assert_eq!(lines.push("o\n\nthree"), "a| two\na| \n");
        assert_eq!(lines.finish(), "a| three\n");
        assert_eq!(lines.finish(), "");
    }

    #[test]
    fn one_source_passes_unchanged() {
        let mut lines = Lines::new(None);
        assert_eq!(lines.push("one\ntw"), "one\ntw");
        assert_eq!(lines.finish(), "");
    }

    #[test]
    fn an_endless_line_is_cut() {
        let mut lines = Lines::new(Some("a| ".into()));
        let long = "x".repeat(MOST + 1);
        assert_eq!(lines.push(&long).len(), MOST + 1 + 4);
        assert_eq!(lines.finish(), "");
    }
}
