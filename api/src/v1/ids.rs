//! Conversions of the identifier messages, which are a string in a message each.

use std::fmt;

use super::{
    AgentId, ContainerId, ExecutorId, FrameworkId, OfferId, OperationId, ResourceProviderId, TaskId,
};

macro_rules! identifier {
    ($($name:ident),+) => {$(
        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self { value }
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self { value: value.to_owned() }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.value)
            }
        }
    )+};
}

identifier!(AgentId, ExecutorId, FrameworkId, OfferId, OperationId, ResourceProviderId, TaskId);

impl From<String> for ContainerId {
    /// A container without a parent.
    fn from(value: String) -> Self {
        Self { value, parent: None }
    }
}

impl From<&str> for ContainerId {
    /// A container without a parent.
    fn from(value: &str) -> Self {
        Self { value: value.to_owned(), parent: None }
    }
}

impl fmt::Display for ContainerId {
    /// The ids from the outermost container to this one, with dots between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chain = vec![self];
        while let Some(parent) = chain.last().and_then(|id| id.parent.as_deref()) {
            chain.push(parent);
        }
        for (position, id) in chain.iter().rev().enumerate() {
            if position > 0 {
                f.write_str(".")?;
            }
            f.write_str(&id.value)?;
        }
        Ok(())
    }
}
