//! REVIVE and SUPPRESS: for which roles a framework wants offers (SCH-15, SCH-16, B10). The
//! allocator acts on them; the core keeps which roles are suppressed.

use crate::allocator::event::AllocatorEvent;
use crate::core::effect::Effect;
use crate::core::frameworks::Framework;
use crate::core::plan::{Plan, Rejection};
use crate::core::Core;
use meseta_api::ids::{FrameworkId, Role};
use meseta_api::v1::scheduler::call::{Revive, Suppress};

/// A change of suppression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolesPlan {
    framework: FrameworkId,
    /// Empty: all.
    roles: Vec<Role>,
    wish: Wish,
}

/// What a framework wishes for its roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Revive,
    Suppress,
}

pub(super) fn check_revive(
    id: FrameworkId,
    framework: &Framework,
    call: Revive,
) -> Result<Plan, Rejection> {
    plan(id, framework, &call.roles, Wish::Revive)
}

pub(super) fn check_suppress(
    id: FrameworkId,
    framework: &Framework,
    call: Suppress,
) -> Result<Plan, Rejection> {
    plan(id, framework, &call.roles, Wish::Suppress)
}

fn plan(
    id: FrameworkId,
    framework: &Framework,
    named: &[String],
    wish: Wish,
) -> Result<Plan, Rejection> {
    let mut roles = Vec::with_capacity(named.len());
    for name in named {
        let role = Role::parse(name).map_err(|error| Rejection::bad_request(error.to_string()))?;
        if !framework.roles.contains(&role) {
            return Err(Rejection::bad_request(format!(
                "the framework is not subscribed to role '{role}'"
            )));
        }
        roles.push(role);
    }
    Ok(Plan::Roles(RolesPlan { framework: id, roles, wish }))
}

impl Core {
    pub(in crate::core) fn commit_roles(&mut self, plan: RolesPlan, out: &mut Vec<Effect>) {
        let RolesPlan { framework: id, roles, wish } = plan;
        let Some(framework) = self.frameworks.get_mut(&id) else {
            return;
        };
        let meant = if roles.is_empty() {
            framework.roles.clone()
        } else {
            roles.iter().cloned().collect()
        };
        let event = match wish {
            Wish::Revive => {
                framework.suppressed.retain(|role| !meant.contains(role));
                AllocatorEvent::Revived { framework: id, roles }
            }
            Wish::Suppress => {
                framework.suppressed.extend(meant);
                AllocatorEvent::Suppressed { framework: id, roles }
            }
        };
        out.push(Effect::Allocator(event));
    }
}
