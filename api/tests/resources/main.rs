//! Resources through their public door: arithmetic, wire formats, flag notations.

mod algebra;
mod common;
mod conversion;
mod parse;
mod wire;
