//! Every event that the master says to a scheduler, one function each (SCH-30 to SCH-39).

use meseta_api::ids::{AgentId, ExecutorId, FrameworkId, OfferId};
use meseta_api::v1;
use meseta_api::v1::scheduler::{event, Event};

fn of(kind: event::Type) -> Event {
    Event { r#type: Some(kind.into()), ..Default::default() }
}

/// SUBSCRIBED, the first event of a subscription.
pub(super) fn subscribed(
    framework: &FrameworkId,
    master: &v1::MasterInfo,
    heartbeat: f64,
) -> Event {
    Event {
        subscribed: Some(event::Subscribed {
            framework_id: framework.into(),
            heartbeat_interval_seconds: Some(heartbeat),
            master_info: Some(master.clone()),
        }),
        ..of(event::Type::Subscribed)
    }
}

/// OFFERS.
pub(super) fn offers(offers: Vec<v1::Offer>) -> Event {
    Event { offers: Some(event::Offers { offers }), ..of(event::Type::Offers) }
}

/// RESCIND.
pub(super) fn rescind(offer: &OfferId) -> Event {
    Event { rescind: Some(event::Rescind { offer_id: offer.into() }), ..of(event::Type::Rescind) }
}

/// INVERSE_OFFERS.
pub(super) fn inverse_offers(inverse_offers: Vec<v1::InverseOffer>) -> Event {
    Event {
        inverse_offers: Some(event::InverseOffers { inverse_offers }),
        ..of(event::Type::InverseOffers)
    }
}

/// RESCIND_INVERSE_OFFER.
pub(super) fn rescind_inverse(offer: &OfferId) -> Event {
    Event {
        rescind_inverse_offer: Some(event::RescindInverseOffer { inverse_offer_id: offer.into() }),
        ..of(event::Type::RescindInverseOffer)
    }
}

/// UPDATE.
pub(super) fn update(status: v1::TaskStatus) -> Event {
    Event { update: Some(event::Update { status }), ..of(event::Type::Update) }
}

/// UPDATE_OPERATION_STATUS.
pub(super) fn update_operation(status: v1::OperationStatus) -> Event {
    Event {
        update_operation_status: Some(event::UpdateOperationStatus { status }),
        ..of(event::Type::UpdateOperationStatus)
    }
}

/// MESSAGE from an executor.
pub(super) fn message(agent: &AgentId, executor: &ExecutorId, data: Vec<u8>) -> Event {
    Event {
        message: Some(event::Message {
            agent_id: agent.into(),
            executor_id: executor.into(),
            data: data.into(),
        }),
        ..of(event::Type::Message)
    }
}

/// FAILURE of an agent.
pub(super) fn agent_failure(agent: &AgentId) -> Event {
    Event {
        failure: Some(event::Failure {
            agent_id: Some(agent.into()),
            executor_id: None,
            status: None,
        }),
        ..of(event::Type::Failure)
    }
}

/// FAILURE of an executor; `status` is a raw wait(2) status.
pub(super) fn executor_failure(agent: &AgentId, executor: &ExecutorId, status: i32) -> Event {
    Event {
        failure: Some(event::Failure {
            agent_id: Some(agent.into()),
            executor_id: Some(executor.into()),
            status: Some(status),
        }),
        ..of(event::Type::Failure)
    }
}

/// ERROR, after which the stream is closed.
pub(super) fn error(message: impl Into<String>) -> Event {
    Event { error: Some(event::Error { message: message.into() }), ..of(event::Type::Error) }
}

/// HEARTBEAT.
pub(super) fn heartbeat() -> Event {
    of(event::Type::Heartbeat)
}
