//! GET_FRAMEWORKS (MOP-09): frameworks that may subscribe, and the latest of those that may not.

use super::{offered, Books, Offering};
use crate::core::frameworks::state::FrameworkState;
use crate::core::frameworks::Framework;
use crate::core::snapshot::Snapshot;
use crate::core::tasks::status::time_info;
use meseta_api::ids::FrameworkId;
use meseta_api::resources::Resources;
use meseta_api::v1::master::response::{get_frameworks, GetFrameworks, Type};
use meseta_api::v1::master::Response;

pub(in crate::core) fn response(state: &Snapshot, books: &Books<'_>) -> Response {
    let view = view(state, books);
    Response { get_frameworks: Some(view), ..super::of(Type::GetFrameworks) }
}

pub(crate) fn view(state: &Snapshot, books: &Books<'_>) -> GetFrameworks {
    let present = state.durable().map(|(id, framework)| present(id, framework, books));
    GetFrameworks {
        frameworks: present.collect(),
        completed_frameworks: state.completed.iter().map(|(_, f)| base(f)).collect(),
        recovered_frameworks: vec![],
    }
}

/// A framework that may subscribe.
pub(crate) fn present(
    id: &FrameworkId,
    framework: &Framework,
    books: &Books<'_>,
) -> get_frameworks::Framework {
    entry(framework, books.of_framework(id), &books.used(id))
}

fn entry(
    framework: &Framework,
    offers: &[Offering<'_>],
    used: &Resources,
) -> get_frameworks::Framework {
    get_frameworks::Framework {
        offers: offers.iter().map(|(_, offer)| offer.view.clone()).collect(),
        allocated_resources: used.to_v1(),
        offered_resources: offered(offers).to_v1(),
        ..base(framework)
    }
}

/// A framework without what it holds: all that there is of one that is gone.
pub(crate) fn base(framework: &Framework) -> get_frameworks::Framework {
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
