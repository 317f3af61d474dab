//! The command line of Meseta: daemons and operators' verbs.
//!
//! Owns nothing between two runs but what `local` keeps in its work dir. Fed by the command line,
//! the environment and signals; the only crate that turns a node's end into an exit code
//! ([`exit`]).
//!
//! - [`args`]: the command line as a whole; each verb's own flags are in its file in [`verbs`].
//! - [`daemon`]: how flags become a master or an agent.
//! - [`client`]: asks to the leader over libproc, and files over an agent's HTTP.
//! - [`run`]: the one-off framework; its policy and its outcome are pure.
//! - [`tls`]: flags of certificates.
//! - [`view`]: what lists print, as tables or JSON.
//! - [`agent_name`], [`framework_name`], [`task_name`]: what a person types, to the one thing that is meant.
//! - [`executor`]: the hidden branch that agents start in containers.

pub mod agent_name;
pub mod args;
pub mod client;
mod confirm;
pub mod credential;
pub mod daemon;
pub mod demo;
pub mod environment;
pub mod executor;
pub mod exit;
pub mod framework_name;
pub mod local;
mod naming;
pub mod run;
pub mod signals;
pub mod task_name;
pub mod tls;
pub mod verbs;
pub mod view;

pub use args::main;
