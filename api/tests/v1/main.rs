//! The v1 types from outside: against the table of the API, against the rules of its JSON,
//! against another implementation, and against input that means harm.

mod descriptors;
mod hostile;
mod json;
mod required;
mod round_trip;
mod support;
mod types;
