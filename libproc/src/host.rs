//! The one actix actor: hosts any process.
//!
//! Everything enters through `do_send`, so that one mailbox orders everything: messages, timers,
//! deferred results, exits, HTTP requests and remote frames. After [`BUDGET`] steps the host
//! yields to its thread once, since actix drains a mailbox without a budget and would starve
//! timers and sockets.

use crate::cell::Cell;
use crate::frame::{Frame, Question, Tell};
use crate::pid::Pid;
use crate::process::{Answer, Process, Receive};
use actix::fut::wrap_future;
use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message};

/// Steps between two yields: long enough that the yield is not felt in a tell's cost, short
/// enough that a timer waits for well under a millisecond of small messages.
const BUDGET: u32 = 256;

pub(crate) struct Host<P: Process> {
    cell: Box<Cell<P>>,
    left: u32,
}

/// The sending half.
pub(crate) struct Mailbox<P: Process>(Addr<Host<P>>);

impl<P: Process> Clone for Mailbox<P> {
    fn clone(&self) -> Self {
        Mailbox(self.0.clone())
    }
}

impl<P: Process> Mailbox<P> {
    pub(crate) fn tell<M: Send + 'static>(&self, tell: Tell<M>)
    where
        P: Receive<M>,
    {
        self.0.do_send(tell);
    }

    pub(crate) fn ask<M: Send + 'static>(&self, question: Question<M, P::Reply>)
    where
        P: Answer<M>,
    {
        self.0.do_send(question);
    }

    pub(crate) fn push(&self, frame: Frame<P>) {
        self.0.do_send(frame);
    }
}

/// Starts a host on the current thread's arbiter.
pub(crate) fn start<P: Process>(
    pid: impl FnOnce(Mailbox<P>) -> Pid<P>,
    cell: impl FnOnce(Pid<P>) -> Cell<P>,
) -> Pid<P> {
    let mut made = None;
    Host::create(|ctx| {
        let handle = pid(Mailbox(ctx.address()));
        made = Some(handle.clone());
        Host { cell: Box::new(cell(handle)), left: BUDGET }
    });
    // `create` calls the closure before it returns.
    match made {
        Some(handle) => handle,
        None => unreachable!("actix creates an actor before it returns"),
    }
}

impl<P: Process> Host<P> {
    fn after(&mut self, ctx: &mut Context<Self>) {
        if self.cell.is_over() {
            ctx.stop();
            return;
        }
        self.left -= 1;
        if self.left == 0 {
            self.left = BUDGET;
            ctx.wait(wrap_future(tokio::task::yield_now()));
        }
    }
}

impl<P: Process> Actor for Host<P> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.cell.start();
        self.after(ctx);
    }
}

impl<M: Send + 'static> Message for Tell<M> {
    type Result = ();
}

impl<P: Receive<M>, M: Send + 'static> Handler<Tell<M>> for Host<P> {
    type Result = ();

    fn handle(&mut self, tell: Tell<M>, ctx: &mut Self::Context) {
        self.cell.tell(tell);
        self.after(ctx);
    }
}

impl<M: Send + 'static, T: Send + 'static> Message for Question<M, T> {
    type Result = ();
}

impl<P: Answer<M>, M: Send + 'static> Handler<Question<M, P::Reply>> for Host<P> {
    type Result = ();

    fn handle(&mut self, question: Question<M, P::Reply>, ctx: &mut Self::Context) {
        self.cell.question(question);
        self.after(ctx);
    }
}

impl<P: Process> Message for Frame<P> {
    type Result = ();
}

impl<P: Process> Handler<Frame<P>> for Host<P> {
    type Result = ();

    fn handle(&mut self, frame: Frame<P>, ctx: &mut Self::Context) {
        self.cell.frame(frame);
        self.after(ctx);
    }
}
