//! `meseta plan`: what a call would do. Nothing is done.

use super::agents::{drain, find_agent, id};
use super::{print, quota, weights, ShowArgs};
use crate::client::{unexpected, Cluster};
use crate::exit;
use crate::view::plan::show;
use meseta_api::internal::master::{FromOperator, OperatorAnswer};
use meseta_api::v1::master::call::{DrainAgent, Type, UpdateQuota, UpdateWeights};
use meseta_api::v1::master::Call;
use meseta_api::v1::quota::QuotaConfig;
use meseta_api::v1::WeightInfo;
use std::time::Duration;

/// Say what a call would do, and do nothing.
#[derive(Debug, clap::Args)]
pub struct Plan {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Who would be over the limit, which offers would be taken back, whether guarantees can be kept
    Quota(Quota),
    /// Which tasks of which frameworks would be killed, and how long they would have
    Drain(Drain),
    /// What share of the cluster roles would come to
    Weights(Weights),
}

#[derive(Debug, clap::Args)]
struct Quota {
    #[command(flatten)]
    wanted: quota::Wanted,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, clap::Args)]
struct Drain {
    /// Which agent: its id, the end of that, its host's name, or a beginning
    agent: String,
    /// The longest that a task may take to end; else its own kill policy says
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    max_grace_period: Option<Duration>,
    /// Give the agent up for good once it is drained
    #[arg(long)]
    mark_gone: bool,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, clap::Args)]
struct Weights {
    /// A role's weight against its siblings, 0.001 or more
    #[arg(value_name = "ROLE=WEIGHT", required = true, value_parser = weights::assignment)]
    weights: Vec<WeightInfo>,
    #[command(flatten)]
    show: ShowArgs,
}

impl Plan {
    /// Asks the leader and prints what it foresees.
    pub fn main(self) -> anyhow::Result<u8> {
        super::log("error");
        match self.what {
            What::Quota(plan) => {
                let call = quota_call(plan.wanted.config()?);
                foresee(&plan.show, async |_| Ok(call))
            }
            What::Weights(plan) => {
                let call = weights_call(plan.weights);
                foresee(&plan.show, async |_| Ok(call))
            }
            What::Drain(plan) => foresee(&plan.show, async |cluster| {
                let agent = find_agent(cluster, &plan.agent).await?;
                let drain_agent = DrainAgent {
                    agent_id: id(&agent),
                    max_grace_period: plan.max_grace_period.map(drain::duration),
                    mark_gone: Some(plan.mark_gone),
                };
                Ok(Call {
                    r#type: Some(Type::DrainAgent.into()),
                    drain_agent: Some(drain_agent),
                    ..Default::default()
                })
            }),
        }
    }
}

fn quota_call(config: QuotaConfig) -> Call {
    Call {
        r#type: Some(Type::UpdateQuota.into()),
        update_quota: Some(UpdateQuota { force: None, quota_configs: vec![config] }),
        ..Default::default()
    }
}

fn weights_call(weight_infos: Vec<WeightInfo>) -> Call {
    Call {
        r#type: Some(Type::UpdateWeights.into()),
        update_weights: Some(UpdateWeights { weight_infos }),
        ..Default::default()
    }
}

fn foresee(
    show_args: &ShowArgs,
    call: impl AsyncFnOnce(&Cluster) -> anyhow::Result<Call>,
) -> anyhow::Result<u8> {
    let answer = libproc::run(async {
        let cluster = Cluster::open(&show_args.cluster).await?;
        let call = call(&cluster).await?;
        cluster.ask(FromOperator::Foresee(Box::new(call))).await
    })?;
    let OperatorAnswer::Foreseen(foreseen) = answer else {
        return Err(unexpected(&answer));
    };
    print(&show(&foreseen, show_args.output)?)?;
    Ok(exit::OK)
}
