//! What the hands do with containers: launch, wait, destroy, forget.

use super::{principal_of, Cx, Hands};
use crate::actor::{AgentProcess, AGENT};
use crate::containerizer::{ContainerError, ContainerExit, LaunchSpec, Launched};
use crate::core::Event;
use meseta_api::ids::ContainerId;
use meseta_node::http::auth::Claims;
use meseta_node::keys::EXECUTOR;
use meseta_node::traced;
use std::path::PathBuf;

impl Hands {
    pub(super) fn launch(&mut self, mut spec: LaunchSpec, cx: &mut Cx) {
        let container = spec.container.clone();
        let principal = principal_of(&container);
        let secret: String =
            [cx.uuid(), cx.uuid()].concat().iter().map(|byte| format!("{byte:02x}")).collect();
        self.doors.keyring.insert(&principal, secret.as_bytes(), EXECUTOR);
        spec.environment.insert("MESETA_EXECUTOR_PRINCIPAL".into(), principal);
        spec.environment.insert("MESETA_EXECUTOR_SECRET".into(), secret);
        spec.environment.insert("MESETA_AGENT_PROCESS".into(), AGENT.into());
        if let Some(tokens) = &self.doors.tokens {
            let token = tokens.issue(&Claims {
                fid: spec.framework.to_string(),
                eid: spec.executor.to_string(),
                cid: container.to_string(),
            });
            spec.environment.insert("MESOS_EXECUTOR_AUTHENTICATION_TOKEN".into(), token);
        }
        let before = cx.trace();
        let mut work = cx.work("launch container");
        work.annotate(traced::CONTAINER_ID, &container);
        if let Some(trace) = cx.trace() {
            spec.environment.insert("TRACEPARENT".into(), trace.to_string());
        }
        let launching = self.containerizer.launch(spec);
        cx.defer(launching, move |me, outcome, cx| {
            if let Err(error) = &outcome {
                work.failed(error);
            }
            // The launch ends here, not with what follows it.
            drop(work);
            Self::launched(me, container, outcome, cx);
        });
        cx.continue_trace(before);
    }

    fn launched(
        me: &mut AgentProcess,
        container: ContainerId,
        outcome: Result<Launched, ContainerError>,
        cx: &mut Cx,
    ) {
        match outcome {
            Ok(launched) => {
                let waiting = me.hands().containerizer.wait(container.clone());
                let of = container.clone();
                cx.defer(waiting, move |me, outcome, cx| match outcome {
                    Ok(exit) => me.happened(Event::ContainerEnded { container: of, exit }, cx),
                    // Its supervisor is lost: make sure that nothing of it is left.
                    Err(error) => {
                        tracing::warn!(container = %of, %error, "cannot wait for a container");
                        me.hands().destroy(of, cx);
                    }
                });
                me.happened(Event::ContainerLaunched { container, launched }, cx);
            }
            Err(error) => {
                let error = error.to_string();
                me.happened(Event::ContainerLaunchFailed { container, error }, cx);
            }
        }
    }

    pub(super) fn destroy(&mut self, container: ContainerId, cx: &mut Cx) {
        let destroying = self.containerizer.destroy(container.clone());
        let then = move |me: &mut AgentProcess,
                         outcome: Result<ContainerExit, ContainerError>,
                         cx: &mut Cx| {
            let event = match outcome {
                Ok(exit) => Event::ContainerEnded { container, exit },
                Err(error) => Event::ContainerDestroyFailed { container, error: error.to_string() },
            };
            me.happened(event, cx);
        };
        cx.defer(destroying, then);
    }

    pub(super) fn arrange_volumes(
        &mut self,
        make: Vec<PathBuf>,
        remove: Vec<PathBuf>,
        cx: &mut Cx,
    ) {
        let containerizer = self.containerizer.clone();
        let arranging = async move {
            for directory in make {
                containerizer.make_volume(directory).await?;
            }
            for directory in remove {
                containerizer.remove_volume(directory).await?;
            }
            Ok(())
        };
        cx.defer(arranging, |me, outcome: Result<(), ContainerError>, cx| {
            let outcome = outcome.map_err(|error| error.to_string());
            me.happened(Event::VolumesArranged(outcome), cx);
        });
    }

    pub(super) fn forget(&mut self, container: ContainerId, cx: &mut Cx) {
        self.doors.keyring.remove(&principal_of(&container));
        let forgetting = self.containerizer.forget(container.clone());
        cx.defer(forgetting, move |_, outcome, _| {
            if let Err(error) = outcome {
                tracing::warn!(%container, %error, "records of an ended container stay behind");
            }
        });
    }
}
