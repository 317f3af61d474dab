//! Operators and their tools ask over libproc; each question is kept until the core answers it, or
//! handed on to whom it is about.

use crate::actor::Master;
use crate::allocator::actor::Explain;
use crate::core::{CallAnswer, Event, Rejection, RequestId};
use crate::leadership::Stage;
use crate::limits::TooMany;
use crate::reader::ask::{is_long, Asked};
use libproc::{Answer, Context, Reply, Sender};
use meseta_api::internal::master::{FromOperator, OperatorAnswer};

impl Answer<FromOperator> for Master {
    type Reply = OperatorAnswer;

    fn answer(
        &mut self,
        asked: FromOperator,
        from: &Sender,
        reply: Reply<OperatorAnswer>,
        cx: &mut Context<Self>,
    ) {
        if self.core().is_none() {
            let leader = self.leader_address().filter(|_| !self.is_elected());
            return reply.send(OperatorAnswer::NotLeader { leader });
        }
        if let Err(why) = self.admit(from.peer().map(|peer| peer.principal.as_str()), cx) {
            let (code, message) = (TooMany::CODE, why.to_string());
            return reply.send(OperatorAnswer::Refused { code, message });
        }
        if let FromOperator::Call(call) = &asked {
            let kind = call.r#type();
            if is_long(kind) {
                return self.read(Asked::Process(kind, reply), cx);
            }
        }
        let Stage::Serving(serving) = &mut self.stage else {
            return reply.send(OperatorAnswer::NotLeader { leader: None });
        };
        if let FromOperator::ExplainOffers(question) = asked {
            return cx.tell(&serving.allocator, Explain { question, reply });
        }
        serving.next_ask += 1;
        let request = RequestId(serving.next_ask);
        serving.asks.insert(request, reply);
        let asked = asked.asked_by(from.peer().map_or("", |peer| &peer.principal));
        if let Err(refused) = self.submit(Event::OperatorAsked { request, asked }, cx) {
            let Rejection { code, message } = refused;
            self.answer_operator(request, OperatorAnswer::Refused { code, message });
        }
    }
}

impl Master {
    /// Answers a scheduler's call that has an answer.
    pub(crate) fn answer_call(&mut self, request: RequestId, answer: CallAnswer) {
        if let Stage::Serving(serving) = &mut self.stage {
            if let Some(reply) = serving.calls.remove(&request) {
                reply.send(answer);
            }
        }
    }

    pub(crate) fn answer_operator(&mut self, request: RequestId, answer: OperatorAnswer) {
        if let Stage::Serving(serving) = &mut self.stage {
            if let Some(reply) = serving.asks.remove(&request) {
                reply.send(answer);
            }
        }
    }
}
