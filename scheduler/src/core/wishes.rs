//! What a framework says of itself beside its tasks: kept, so that it says the same when it
//! subscribes again, since a master forgets suppressed roles and offer constraints then (SCH-16).

use meseta_api::v1;
use meseta_api::v1::scheduler::call::{Subscribe, Type};
use meseta_api::v1::scheduler::{Call, OfferConstraints};
use std::collections::BTreeSet;

#[derive(Debug, Default)]
pub(super) struct Wishes {
    suppressed: BTreeSet<String>,
    offer_constraints: Option<OfferConstraints>,
}

impl Wishes {
    /// Takes over what a call changes, of the framework as well.
    pub(super) fn said(&mut self, call: &mut Call, framework: &mut v1::FrameworkInfo) {
        match call.r#type() {
            Type::Suppress => {
                let roles = call.suppress.iter().flat_map(|suppress| &suppress.roles);
                let named: Vec<String> = roles.cloned().collect();
                let all = if named.is_empty() { roles_of(framework) } else { named };
                self.suppressed.extend(all);
            }
            Type::Revive => {
                let named: Vec<&String> =
                    call.revive.iter().flat_map(|revive| &revive.roles).collect();
                self.suppressed.retain(|role| !named.is_empty() && !named.contains(&role));
            }
            Type::UpdateFramework => {
                if let Some(update) = &mut call.update_framework {
                    update.framework_info.id.clone_from(&framework.id);
                    framework.clone_from(&update.framework_info);
                    self.suppressed = update.suppressed_roles.iter().cloned().collect();
                    self.offer_constraints.clone_from(&update.offer_constraints);
                }
            }
            _ => {}
        }
    }

    /// What `framework` subscribes with.
    pub(super) fn subscribe(&self, framework: &v1::FrameworkInfo) -> Subscribe {
        Subscribe {
            framework_info: framework.clone(),
            suppressed_roles: self.suppressed.iter().cloned().collect(),
            offer_constraints: self.offer_constraints.clone(),
        }
    }
}

fn roles_of(framework: &v1::FrameworkInfo) -> Vec<String> {
    match &framework.role {
        Some(role) => vec![role.clone()],
        None if framework.roles.is_empty() => vec!["*".to_owned()],
        None => framework.roles.clone(),
    }
}
