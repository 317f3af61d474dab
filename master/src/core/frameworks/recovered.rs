//! Frameworks that are known without their scheduler: from the registry after a failover, or from
//! an agent after the registry was lost (B3.3, B13, B20, E12). They wait as disconnected ones do.

use super::disconnect::store_interval;
use super::state::FrameworkState;
use super::{Capabilities, Framework, History};
use crate::allocator::event::AllocatorEvent;
use crate::core::effect::Effect;
use crate::core::event::{Moment, TimerKey};
use crate::core::shelf::Kept;
use crate::core::writes::Write;
use crate::core::{send, validation, Core};
use crate::registrar::operation::RegistryOperation;
use crate::registrar::registry::FrameworkRecord;
use meseta_api::ids::{AgentId, FrameworkId};
use meseta_api::resources::Resources;
use meseta_api::v1;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

impl Core {
    /// Frameworks that only an agent knows: the registry was lost. They are written again, and
    /// wait for their schedulers (B3.3, B13).
    pub(in crate::core) fn recover_frameworks(
        &mut self,
        reported: &BTreeMap<FrameworkId, v1::FrameworkInfo>,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        for (id, info) in reported {
            if self.frameworks.contains_key(id) || self.is_gone(id) {
                continue;
            }
            let mut info = info.clone();
            info.id = Some(id.into());
            let record = FrameworkRecord { info, registered: at.wall, time_left_ms: None };
            send::warn(format!("framework {id} is known to an agent only: it is recovered"), out);
            let operation = RegistryOperation::AddFramework {
                framework: id.clone(),
                record: Box::new(record.clone()),
            };
            self.persist(operation, Write::Nobody, out);
            self.add_recovered(id, record, at, out);
        }
    }

    /// A framework without a scheduler: its clock starts now, at no less than the agents' (B20).
    pub(in crate::core) fn add_recovered(
        &mut self,
        id: &FrameworkId,
        record: FrameworkRecord,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let left = record.time_left_ms.map(Duration::from_millis);
        let roles = validation::framework::roles(&record.info).unwrap_or_default();
        let mut framework = Framework {
            capabilities: Capabilities::of(&record.info),
            info: record.info,
            roles,
            suppressed: BTreeSet::new(),
            offer_constraints: None,
            // Its scheduler says them anew.
            wishes: BTreeMap::new(),
            registered: Some(record.registered),
            reregistered: None,
            state: FrameworkState::Recovered { deadline: at.now },
            history: History::default(),
        };
        let left = left.unwrap_or_else(|| framework.failover_timeout());
        let long = left.max(self.config.agent_reregister_timeout);
        framework.state = FrameworkState::Recovered { deadline: at.now + long };
        out.push(Effect::SetTimer { key: TimerKey::FrameworkFailoverDue(id.clone()), after: long });
        out.push(Effect::SetTimer {
            key: TimerKey::TimeLeftDue(id.clone()),
            after: store_interval(long),
        });
        out.push(Effect::Allocator(AllocatorEvent::FrameworkAdded {
            id: id.clone(),
            roles: framework.allocator_roles(),
            traits: framework.allocator_traits(),
            active: false,
            used: Vec::<(AgentId, Resources)>::new(),
        }));
        self.frameworks.insert(id.clone(), Kept::new(framework));
    }
}
