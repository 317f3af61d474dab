//! GET_FRAMEWORKS (MOP-09): frameworks that may subscribe, and the latest of those that may not.

use crate::core::frameworks::state::FrameworkState;
use crate::core::frameworks::Framework;
use crate::core::tasks::status::time_info;
use crate::core::Core;
use meseta_api::ids::FrameworkId;
use meseta_api::v1::master::response::{get_frameworks, GetFrameworks, Type};
use meseta_api::v1::master::Response;

pub(in crate::core) fn response(core: &Core) -> Response {
    Response { get_frameworks: Some(view(core)), ..super::of(Type::GetFrameworks) }
}

pub(super) fn view(core: &Core) -> GetFrameworks {
    let durable = core.frameworks.iter().filter(|(_, f)| f.registered.is_some());
    GetFrameworks {
        frameworks: durable.map(|(id, framework)| entry(core, id, framework)).collect(),
        completed_frameworks: core
            .completed
            .details
            .iter()
            .map(|(_, framework)| base(framework))
            .collect(),
        recovered_frameworks: vec![],
    }
}

fn entry(core: &Core, id: &FrameworkId, framework: &Framework) -> get_frameworks::Framework {
    let (offered, used) = core.holdings(id);
    let offers = core.offers.of_framework(id);
    let offers = offers.iter().filter_map(|offer| core.offers.get(offer));
    get_frameworks::Framework {
        offers: offers.map(|offer| offer.view.clone()).collect(),
        allocated_resources: used.to_v1(),
        offered_resources: offered.to_v1(),
        ..base(framework)
    }
}

fn base(framework: &Framework) -> get_frameworks::Framework {
    let connected = matches!(framework.state, FrameworkState::Connected { .. });
    let unregistered = match framework.state {
        FrameworkState::Completed { at } => Some(time_info(at)),
        _ => None,
    };
    get_frameworks::Framework {
        framework_info: framework.info.clone(),
        active: connected,
        connected,
        recovered: matches!(framework.state, FrameworkState::Recovered { .. }),
        registered_time: framework.registered.map(time_info),
        reregistered_time: framework.reregistered.map(time_info),
        unregistered_time: unregistered,
        offer_constraints: framework.offer_constraints.clone(),
        ..Default::default()
    }
}
