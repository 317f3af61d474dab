//! Tidy: the rules of this codebase that no compiler and no clippy lint can hold.
//!
//! State: none; each test reads the working tree (and `cargo metadata`) afresh.
//! Fed by: every Rust source, manifest and text file of the workspace.
//! Emits: findings, `path:line: what: why`, all of them at once.
//! Read next: `law.rs` for who may see whom, `source.rs` for how a file is read.
//!
//! Every rule is a pure function from files to findings, so that each has a test that plants a
//! violation and expects to see it named: a rule that cannot fail is not a rule.

mod coverage;
mod dependencies;
mod documents;
mod features;
mod finding;
mod imports;
mod law;
mod manifest;
mod paths;
mod purity;
mod scenarios;
mod select;
mod size;
mod source;
mod suites;
mod unsafety;
mod words;
