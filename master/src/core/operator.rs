//! What operators and their tools ask (A8). Reads are answered at once from `queries/`; a refusal
//! is a [`Rejection`], which the process answers with its status.

use super::event::{Moment, RequestId};
use super::plan::{Plan, Rejection};
use super::{operations, queries, tasks, weights, Core};
use meseta_api::ids::FrameworkId;
use meseta_api::internal::master::{FromOperator, OperatorAnswer};
use meseta_api::v1;
use meseta_api::v1::master::call::Type;

impl Core {
    pub(super) fn check_operator(
        &self,
        request: RequestId,
        asked: FromOperator,
        at: Moment,
    ) -> Result<Plan, Rejection> {
        match asked {
            FromOperator::KillTask { framework_id, task_id, by } => {
                self.check_operator_kill(request, tasks::key(&framework_id, &task_id), by)
            }
            // The process asks the allocator.
            FromOperator::ExplainOffers(_) => {
                Err(Rejection::not_implemented("the core does not explain offers"))
            }
            FromOperator::Call(call) if operations::operator::is_one(&call) => {
                self.check_operator_operation(request, *call)
            }
            FromOperator::Call(call) => match call.r#type() {
                Type::Teardown => self.check_teardown(request, call.teardown),
                Type::UpdateMaintenanceSchedule => {
                    self.check_schedule(request, call.update_maintenance_schedule)
                }
                Type::StartMaintenance => self.check_start(request, call.start_maintenance),
                Type::StopMaintenance => self.check_stop(request, call.stop_maintenance),
                Type::DeactivateAgent => self.check_deactivate(request, call.deactivate_agent),
                Type::ReactivateAgent => self.check_reactivate(request, call.reactivate_agent),
                Type::DrainAgent => self.check_drain(request, call.drain_agent, at),
                Type::MarkAgentGone => self.check_mark_gone(request, call.mark_agent_gone),
                Type::UpdateQuota => self.check_update_quota(request, call.update_quota),
                Type::UpdateWeights => weights::check_update(request, call.update_weights),
                _ => {
                    let response = self.query(&call)?;
                    Ok(Plan::Answer {
                        request,
                        answer: Box::new(OperatorAnswer::Response(Box::new(response))),
                    })
                }
            },
        }
    }

    /// The response to a v1 call that changes nothing.
    pub fn query(&self, call: &v1::master::Call) -> Result<v1::master::Response, Rejection> {
        if call.r#type.is_none() {
            return Err(Rejection::bad_request("Expecting 'type' to be present"));
        }
        match call.r#type() {
            Type::GetHealth => Ok(queries::get_health::response()),
            Type::GetVersion => Ok(queries::get_version::response(self)),
            Type::GetMaster => Ok(queries::get_master::response(self)),
            Type::GetAgents
            | Type::GetFrameworks
            | Type::GetExecutors
            | Type::GetTasks
            | Type::GetRoles
            | Type::GetState => match self.snapshot().query(call.r#type()) {
                Some(response) => Ok(response),
                None => Err(Rejection::new(500, "a snapshot does not have what was asked")),
            },
            Type::GetOperations => Ok(queries::get_operations::response(self)),
            Type::GetWeights => Ok(queries::get_weights::response(self)),
            Type::GetQuota => Ok(queries::get_quota::response(self)),
            Type::GetMaintenanceSchedule => Ok(self.show_schedule()),
            Type::GetMaintenanceStatus => Ok(self.show_status()),
            Type::SetQuota | Type::RemoveQuota => Err(Rejection::not_implemented(
                "SET_QUOTA and REMOVE_QUOTA are not supported: UPDATE_QUOTA replaces them",
            )),
            other => Err(Rejection::not_implemented(format!(
                "call {} is not supported yet",
                other.as_str_name()
            ))),
        }
    }

    fn check_teardown(
        &self,
        request: RequestId,
        teardown: Option<v1::master::call::Teardown>,
    ) -> Result<Plan, Rejection> {
        let teardown =
            teardown.ok_or_else(|| Rejection::bad_request("Expecting 'teardown' to be present"))?;
        let id = FrameworkId::try_from(&teardown.framework_id)
            .map_err(|error| Rejection::bad_request(error.to_string()))?;
        let known = self.frameworks.get(&id);
        if known.is_none_or(|framework| framework.state.is_leaving()) {
            return Err(Rejection::bad_request("No framework found with specified ID"));
        }
        Ok(Plan::RemoveFramework {
            framework: id,
            reason: "an operator tore it down".to_owned(),
            answer: Some(request),
        })
    }
}
