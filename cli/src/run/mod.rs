//! `meseta run`: a framework for one command.
//!
//! - [`instances`]: what became of each instance, and the outcome; pure.
//! - [`policy`]: the scheduler: answers offers, counts updates; emits [`policy::Notice`]s.
//! - [`session`]: starts it, shows what happens ([`progress`], [`follow`]), ends it.

pub mod follow;
pub mod instances;
pub mod lines;
pub mod policy;
pub mod progress;
pub mod session;

/// What each instance is.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Name of the framework; the instances' task ids begin with it.
    pub name: String,
    /// Program and arguments, not seen by a shell.
    pub command: Vec<String>,
    /// Processors, per instance.
    pub cpus: f64,
    /// Megabytes, per instance.
    pub mem: f64,
    /// How many.
    pub instances: usize,
    /// Variables.
    pub environment: Vec<(String, String)>,
}
