//! Asks to the leader: [`Cluster`], and the small process that asks for it.

use super::{addresses, ClusterArgs};
use anyhow::{anyhow, bail, Context as _};
use libproc::{
    AskError, Context, Node, NodeConfig, Pid, Process, ProcessId, Receive, Remote, Sender,
};
use meseta_api::internal::master::{FromOperator, OperatorAnswer};
use meseta_api::v1::master::{call, Call, Response};
use meseta_node::keys::{Credential, MASTER, OPERATOR};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a master may take to be connected …
const DIAL_WITHIN: Duration = Duration::from_secs(5);
/// … and to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Masters that name each other as the leader are followed this far, while an election settles.
const MOST_HOPS: usize = 8;

/// A cluster as an operator sees it.
pub struct Cluster {
    node: Node,
    asker: Pid<Asker>,
    masters: Vec<String>,
    credential: Credential,
}

impl Cluster {
    /// Finds the masters and the credential; connects only when it is asked something.
    pub async fn open(args: &ClusterArgs) -> anyhow::Result<Self> {
        let node = Node::start(NodeConfig::new(&args.cluster, "meseta-cli"))
            .await
            .context("cannot start a node")?;
        let masters = addresses(&args.master, &args.cluster, &node).await?;
        let credential = args.present(&OPERATOR, &masters)?;
        let asker = node.spawn("operator", Asker)?;
        Ok(Cluster { node, asker, masters, credential })
    }

    /// The node that asks: for its clock.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The response to a v1 call without parameters.
    pub async fn query(&self, kind: call::Type) -> anyhow::Result<Response> {
        let call = Call { r#type: Some(kind as i32), ..Default::default() };
        match self.ask(FromOperator::Call(Box::new(call))).await? {
            OperatorAnswer::Response(response) => Ok(*response),
            other => Err(unexpected(&other)),
        }
    }

    /// The leader's answer; `NotLeader` is followed, a refusal is an error.
    pub async fn ask(&self, question: FromOperator) -> anyhow::Result<OperatorAnswer> {
        let mut candidates: VecDeque<String> = self.masters.iter().cloned().collect();
        let mut failure = anyhow!("no master is configured");
        for _ in 0..MOST_HOPS.max(self.masters.len()) {
            let Some(address) = candidates.pop_front() else {
                break;
            };
            match self.ask_one(&address, question.clone()).await {
                Ok(OperatorAnswer::NotLeader { leader }) => {
                    failure = anyhow!("the master at {address} does not lead and knows no leader");
                    candidates.extend(leader.filter(|leader| *leader != address));
                }
                Ok(OperatorAnswer::Refused { message, .. }) => bail!("{message}"),
                Ok(answer) => return Ok(answer),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn ask_one(
        &self,
        address: &str,
        question: FromOperator,
    ) -> anyhow::Result<OperatorAnswer> {
        let target = self.credential.target(address, MASTER);
        let dialling = self.node.dial(target);
        let peer = tokio::select! { biased;
            peer = dialling => peer?,
            () = self.node.sleep(DIAL_WITHIN) => bail!("no connection to {address} within {} s", DIAL_WITHIN.as_secs()),
        };
        let (answer, answered) = oneshot::channel();
        self.asker.tell(Ask { to: peer.remote(&ProcessId::new("master")?), question, answer });
        let answer = answered.await.context("the node has ended")?;
        answer.with_context(|| format!("the master at {address}"))
    }
}

/// An answer that does not fit the question: a master of another version.
pub fn unexpected(answer: &OperatorAnswer) -> anyhow::Error {
    anyhow!("the master answered with something else than was asked for: {answer:?}")
}

struct Asker;

struct Ask {
    to: Remote<FromOperator>,
    question: FromOperator,
    answer: oneshot::Sender<Result<OperatorAnswer, AskError>>,
}

impl Process for Asker {
    const NAME: &'static str = "operator";
}

impl Receive<Ask> for Asker {
    fn receive(&mut self, ask: Ask, _: &Sender, cx: &mut Context<Self>) {
        cx.ask_remote(
            &ask.to,
            ask.question,
            ANSWER_WITHIN,
            move |_: &mut Self, answered: Result<OperatorAnswer, AskError>, _| {
                // Whoever asked may have given up.
                let _ = ask.answer.send(answered);
            },
        );
    }
}
