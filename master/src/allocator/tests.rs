//! Tests of the allocator as a whole: text scripts in `testdata/`, one per rule, and random event
//! logs checked against a naive model; and rounds that are cut.

mod judging;
mod model;
mod random;
mod script;
mod slices;
