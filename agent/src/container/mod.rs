//! Containers as Linux processes: launch, supervise, find again, destroy.
//!
//! - **State**: one folder per container, `<runtime dir>/containers/<id>/`, holding its intent,
//!   what was forked, and how it ended ([`records`]). Nothing here lives only in memory: an agent
//!   that restarts gets every container back with [`ContainerHandle::attach`].
//! - **Fed by** the agent, which calls from a thread that may block. Everything is synchronous;
//!   there is no runtime and no actor in this module.
//! - **Emits** an [`ExitReport`] per container, written durably by its supervisor.
//! - **Read next**: [`launcher`] (the order of a launch), [`init`] (the supervisor), [`handle`].
//!
//! ```text
//! agent ── Launcher::prepare ──> intent.json, cgroup, supervisor ──fork──> child, held on a pipe
//!       <─ Prepared ──────────── forked.json (boot id, pids, start times) is on disk
//!       ── Prepared::release ──> child execs
//!       ── ContainerHandle ────> Unix socket of the supervisor: status, signal, terminate, kill
//!       <─ ExitReport ────────── exit.json, written when nothing of the container is left
//! ```
//!
//! The supervisor outlives the agent. Until `release`, the death of either side ends the child.
//! `unsafe` appears under [`init`] and nowhere else.

pub mod cgroups;
mod client;
mod clock;
mod durable;
pub mod handle;
pub mod init;
pub mod launcher;
mod leftovers;
mod memfd;
mod pidfd;
mod proc;
mod protocol;
pub mod records;
pub mod spec;
mod user;

pub use cgroups::{CgroupError, CgroupLimits, CgroupVersion, CgroupsConfig, Detection};
pub use client::ClientError;
pub use durable::DurableError;
pub use handle::{
    AttachError, Attached, ContainerHandle, DestroyError, Outcome, SignalError, UpdateError,
    WaitError,
};
pub use launcher::{LaunchError, Launcher, LauncherBinary, LauncherConfig, Prepared};
pub use leftovers::{LostContainer, LostReason};
pub use memfd::{MemfdBinary, MemfdError};
pub use protocol::{StatusPhase, StatusReport};
pub use records::{ExecFailure, ExecStep, ExitReport, Forked};
pub use spec::{Command, ContainerId, ContainerSpec, InvalidSpec};
pub use user::UserError;
