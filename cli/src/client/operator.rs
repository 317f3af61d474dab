//! Asks to the leader: [`Cluster`], and the small process that asks for it.

use super::masters::Leaders;
use super::{http, ClusterArgs};
use anyhow::{anyhow, bail, Context as _};
use libproc::{AskError, Context, Node, Pid, Process, ProcessId, Receive, Remote, Sender};
use meseta_api::internal::master::{FromOperator, OperatorAnswer};
use meseta_api::v1::master::{call, Call, Response};
use meseta_node::election::Masters;
use meseta_node::keys::{Credential, MASTER, OPERATOR};
use std::time::Duration;
use tokio::sync::{oneshot, Mutex};

/// How long a master may take to be connected …
const DIAL_WITHIN: Duration = Duration::from_secs(5);
/// … and to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a leader is looked for while one is being elected, or while etcd names none or one
/// that does not answer: longer than an election with the default lease takes.
const SETTLE_WITHIN: Duration = Duration::from_secs(15);
/// The pause before masters are asked once more meanwhile.
const AGAIN: Duration = Duration::from_millis(250);

/// A cluster as an operator sees it.
pub struct Cluster {
    node: Node,
    asker: Pid<Asker>,
    masters: Masters,
    leaders: Mutex<Leaders>,
    credential: Credential,
    http_credential: Credential,
}

impl Cluster {
    /// Finds the credential; looks for the leader and connects only when it is asked something.
    pub async fn open(args: &ClusterArgs) -> anyhow::Result<Self> {
        let node = Node::start(args.node("meseta-cli")?).await.context("cannot start a node")?;
        let masters = args.master.clone();
        let credential = args.present(&OPERATOR)?;
        let http_credential = args.show(&OPERATOR, &credential)?;
        let leaders = Mutex::new(Leaders::new(&masters, args.etcd()?, &node));
        let asker = node.spawn("operator", Asker)?;
        Ok(Cluster { node, asker, masters, leaders, credential, http_credential })
    }

    /// What to show agents that ask over HTTP.
    pub fn http_credential(&self) -> &Credential {
        &self.http_credential
    }

    /// The node that asks: for its clock.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// `host:port` of the leader, once there is one.
    pub async fn leader(&self) -> anyhow::Result<String> {
        let call = Call { r#type: Some(call::Type::GetHealth as i32), ..Default::default() };
        let (leader, _) = self.ask_leader(FromOperator::Call(Box::new(call))).await?;
        Ok(leader)
    }

    /// The response to a v1 call without parameters that reads. One that is larger than a message
    /// of libproc's comes over HTTP.
    pub async fn query(&self, kind: call::Type) -> anyhow::Result<Response> {
        let call = Call { r#type: Some(kind as i32), ..Default::default() };
        match self.ask(FromOperator::Call(Box::new(call.clone()))).await {
            Ok(OperatorAnswer::Response(response)) => Ok(*response),
            Ok(other) => Err(unexpected(&other)),
            Err(error) if is_unanswered(&error) => {
                let leader = self.leader().await?;
                http::ask(&self.node, &leader, &call, &self.http_credential).await
            }
            Err(error) => Err(error),
        }
    }

    /// Has a v1 call carried out that has no response.
    pub async fn command(&self, call: Call) -> anyhow::Result<()> {
        match self.ask(FromOperator::Call(Box::new(call))).await? {
            OperatorAnswer::Accepted | OperatorAnswer::Ordered => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// The leader's answer; a refusal is an error. A standby leads to the leader. While one is
    /// being elected it is waited for; masters that are all out of reach are an error at once.
    pub async fn ask(&self, question: FromOperator) -> anyhow::Result<OperatorAnswer> {
        self.ask_leader(question).await.map(|(_, answer)| answer)
    }

    async fn ask_leader(&self, question: FromOperator) -> anyhow::Result<(String, OperatorAnswer)> {
        let mut leaders = self.leaders.lock().await;
        let mut failure = anyhow!("{} names no leader", self.masters);
        let deadline = self.node.sleep(SETTLE_WITHIN);
        tokio::pin!(deadline);
        loop {
            let address = tokio::select! { biased;
                address = leaders.next() => address,
                () = &mut deadline => break,
            };
            let at_once = match self.ask_one(&address, question.clone()).await {
                Ok(OperatorAnswer::NotLeader { leader }) => {
                    failure = match &leader {
                        Some(leader) => anyhow!("the master at {address} says that {leader} leads, which does not answer so"),
                        None => anyhow!("the master at {address} does not lead and knows no leader"),
                    };
                    leaders.not_leader(leader)
                }
                Ok(OperatorAnswer::Refused { message, .. }) => bail!("{message}"),
                Ok(answer) => {
                    leaders.found();
                    return Ok((address, answer));
                }
                // Nobody else could say it either.
                Err(error) if is_unanswered(&error) && reads(&question) => return Err(error),
                Err(error) => {
                    failure = error;
                    false
                }
            };
            if at_once || !leaders.all_asked() {
                continue;
            }
            if !leaders.may_change() {
                return Err(failure);
            }
            tokio::select! { biased;
                () = self.node.sleep(AGAIN) => {}
                () = &mut deadline => break,
            }
        }
        Err(failure.context(format!("no leader within {} s", SETTLE_WITHIN.as_secs())))
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

/// Whether a master took the question and could not send its answer.
fn is_unanswered(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(AskError::Abandoned))
}

fn reads(question: &FromOperator) -> bool {
    let FromOperator::Call(call) = question else {
        return false;
    };
    call.r#type().as_str_name().starts_with("GET_")
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
