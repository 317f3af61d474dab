//! The v1 API: one Rust type per message and enum of `proto/`.
//!
//! One type serves three encodings: protobuf (prost), Mesos' JSON and MessagePack with named
//! fields (serde). Modules follow the packages: [`scheduler`], [`executor`], [`master`],
//! [`agent`] and the smaller ones; types nested in a message live in the module of its name, as
//! in `scheduler::call::Accept`. Names are prost's: `TaskID` is [`TaskId`], and a protobuf
//! enum is an `i32` in a field, with an accessor that gives the Rust enum.
//!
//! Read bodies through [`crate::codec::Codec`]: it checks required fields and names the path of
//! what is wrong.

// Names of values are the API's: `TASK_RUNNING` of `TaskState` is `TaskRunning`.
#![allow(clippy::enum_variant_names)]

mod duration;
mod ids;
mod operation;
mod redacted;
mod task_state;

pub use duration::Duration;

include!(concat!(env!("OUT_DIR"), "/mesos.v1.rs"));

/// What the allocator reports.
pub mod allocator {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.allocator.rs"));
}

/// The operator and executor API of an agent.
pub mod agent {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.agent.rs"));
}

/// What executors and agents say to each other.
pub mod executor {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.executor.rs"));
}

/// Planned maintenance.
pub mod maintenance {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.maintenance.rs"));
}

/// The operator API of a master.
pub mod master {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.master.rs"));
}

/// Quota.
pub mod quota {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.quota.rs"));
}

/// What resource providers and agents say to each other.
pub mod resource_provider {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.resource_provider.rs"));
}

/// What schedulers and masters say to each other.
pub mod scheduler {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.scheduler.rs"));
}

/// Descriptor tables and named form of every message and enum.
mod named {
    use prost::Message as _;
    use serde::de::MapAccess;

    use crate::codec::DecodeError;
    use crate::json::{self, kind, write, FieldSink, Input};
    use crate::message::{
        v1_enum, v1_message, FieldKind, FieldTable, Label, MessageTable, V1Message,
    };

    include!(concat!(env!("OUT_DIR"), "/named.rs"));
}
