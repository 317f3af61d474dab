//! The supervisor: carries out what its core decides.
//!
//! Owns the factories and the present lives of its children, and who waits for one. Fed by exits
//! of its children, to whom it is linked, by one timer, and by [`Find`] and [`Shutdown`]. Emits
//! spawns and stops, and at the end its own exit. Read next: `core.rs`.

use super::child::{Child, Factory, Life};
use super::core::{Core, Effect, Phase};
use super::policy::{Backoff, Limit, Strategy};
use super::{Absent, Find, Shutdown};
use crate::context::{Context, TimerId};
use crate::observe::Observation;
use crate::peer::Sender;
use crate::pid::Pid;
use crate::process::{Answer, Exit, Process, Reason, Receive};
use crate::reply::Reply;
use serde_json::json;
use std::any::{Any, TypeId};
use std::time::Duration;

/// A process that keeps others alive; see the [module's page](crate::supervise).
pub struct Supervisor {
    core: Core,
    hands: Vec<Hand>,
    alarm: Option<TimerId>,
}

/// What is held of one child.
struct Hand {
    factory: Box<dyn Factory>,
    life: Option<Box<dyn Life>>,
    /// Told with the next life, or dropped when there will be none.
    waiting: Vec<Waiting>,
}

/// Takes the handle of a life, or why there is none.
type Waiting = Box<dyn FnOnce(Result<&dyn Any, Absent>) + Send>;

/// A pause of a child, or the time that it has to end, is over.
struct TurnDue;

impl Supervisor {
    /// A supervisor without children.
    pub fn new(strategy: Strategy) -> Self {
        Supervisor { core: Core::new(strategy), hands: Vec::new(), alarm: None }
    }

    /// More than `restarts` of them `within` this span, and it gives up: it ends its children,
    /// and itself with a reason that names the child and why that ended last.
    pub fn limit(mut self, restarts: u32, within: Duration) -> Self {
        self.core.limit = Limit { restarts, within };
        self
    }

    /// How long children stay down before they are started again.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.core.backoff = backoff;
        self
    }

    /// One more child, started after those before it and ended before them.
    pub fn child<P: Process>(mut self, child: Child<P>) -> Self {
        let (told, factory) = child.split();
        self.core.add(&told.id, told.restart, told.patience);
        self.hands.push(Hand { factory, life: None, waiting: Vec::new() });
        self
    }

    /// Does what there is to do now, and sets the timer for what there is to do later.
    fn settle(&mut self, cx: &mut Context<Self>) {
        while let Some(effect) = self.core.next(cx.now()) {
            match effect {
                Effect::Start(child) => self.start(child, cx),
                Effect::Stop(child) => self.with(child, |life| life.ask()),
                Effect::Force(child) => self.with(child, |life| life.stop()),
                Effect::End(reason) => cx.stop(reason),
            }
        }
        self.answer_the_hopeless();
        if let Some(alarm) = self.alarm.take() {
            cx.cancel(alarm);
        }
        self.alarm = self.core.wake_at().map(|at| cx.after(at.since(cx.now()), TurnDue));
    }

    fn start(&mut self, child: usize, cx: &mut Context<Self>) {
        let Some(hand) = self.hands.get_mut(child) else {
            return;
        };
        match hand.factory.start(cx.node()) {
            Ok(life) => {
                cx.link(life.address());
                for waiting in std::mem::take(&mut hand.waiting) {
                    waiting(Ok(life.handle()));
                }
                hand.life = Some(life);
            }
            Err(reason) => self.ended(child, reason, cx),
        }
    }

    fn with(&self, child: usize, act: impl FnOnce(&dyn Life)) {
        if let Some(life) = self.hands.get(child).and_then(|hand| hand.life.as_deref()) {
            act(life);
        }
    }

    fn ended(&mut self, child: usize, reason: Reason, cx: &mut Context<Self>) {
        if let Some(row) = self.core.rows().get(child) {
            let supervisor = &cx.address().id;
            match row.phase {
                Phase::Leaving { .. } => {
                    tracing::debug!(%supervisor, child = row.id, %reason, "a child was ended");
                }
                _ => tracing::warn!(%supervisor, child = row.id, %reason, "a child ended"),
            }
        }
        self.core.exited(child, reason, cx.now(), cx.random_u64());
    }

    /// Whoever waits for a child that does not come back learns it now.
    fn answer_the_hopeless(&mut self) {
        for (row, hand) in self.core.rows().iter().zip(&mut self.hands) {
            let hopeless = row.phase == Phase::Over || self.core.ending().is_some();
            if hopeless && !hand.waiting.is_empty() {
                let why = || Absent::Over { id: row.id.clone(), last: row.last.clone() };
                for waiting in std::mem::take(&mut hand.waiting) {
                    waiting(Err(why()));
                }
            }
        }
    }
}

impl Process for Supervisor {
    const NAME: &'static str = "supervisor";

    fn started(&mut self, cx: &mut Context<Self>) {
        self.settle(cx);
    }

    fn exited(&mut self, exit: Exit, cx: &mut Context<Self>) {
        let of = |hand: &Hand| hand.life.as_ref().is_some_and(|life| *life.address() == exit.who);
        if let Some(child) = self.hands.iter().position(of) {
            self.hands[child].life = None;
            self.ended(child, exit.reason, cx);
            self.settle(cx);
        }
    }

    fn observe(&self, seen: &mut Observation) {
        let rows = self.core.rows();
        let children: Vec<_> = rows
            .iter()
            .zip(&self.hands)
            .map(|(row, hand)| {
                json!({
                    "id": row.id,
                    "kind": hand.factory.kind(),
                    "state": row.phase.name(),
                    "restarts": row.restarts,
                    "last_reason": row.last.as_ref().map(Reason::to_string),
                })
            })
            .collect();
        seen.state(json!({
            "strategy": format!("{:?}", self.core.strategy()),
            "ending": self.core.ending().map(Reason::to_string),
            "children": children,
        }));
        let up = rows.iter().filter(|row| row.phase.name() == "up").count();
        seen.metric("supervisors/children", rows.len() as f64);
        seen.metric("supervisors/children_up", up as f64);
        seen.metric(
            "supervisors/restarts",
            rows.iter().map(|row| row.restarts).sum::<u64>() as f64,
        );
    }
}

impl Receive<TurnDue> for Supervisor {
    fn receive(&mut self, _: TurnDue, _: &Sender, cx: &mut Context<Self>) {
        self.settle(cx);
    }
}

impl Receive<Shutdown> for Supervisor {
    fn receive(&mut self, _: Shutdown, _: &Sender, cx: &mut Context<Self>) {
        self.core.end(Reason::Normal);
        self.settle(cx);
    }
}

impl<P: Process> Answer<Find<P>> for Supervisor {
    type Reply = Result<Pid<P>, Absent>;

    fn answer(
        &mut self,
        find: Find<P>,
        _: &Sender,
        reply: Reply<Result<Pid<P>, Absent>>,
        _: &mut Context<Self>,
    ) {
        let id = find.id;
        let Some(child) = self.core.rows().iter().position(|row| row.id == id) else {
            return reply.send(Err(Absent::Unknown { id }));
        };
        let hand = &mut self.hands[child];
        if !hand.factory.makes(TypeId::of::<Pid<P>>()) {
            return reply.send(Err(Absent::OtherType { id, kind: hand.factory.kind() }));
        }
        let waiting: Waiting = Box::new(move |handle| {
            // Its type was looked at above.
            let pid = handle.map(|handle| handle.downcast_ref::<Pid<P>>().cloned());
            match pid {
                Ok(Some(pid)) => reply.send(Ok(pid)),
                Ok(None) => drop(reply),
                Err(absent) => reply.send(Err(absent)),
            }
        });
        match &hand.life {
            Some(life) => waiting(Ok(life.handle())),
            None => hand.waiting.push(waiting),
        }
        self.answer_the_hopeless();
    }
}

/// However a supervisor ends (told by [`Pid::stop`], by a panic, with its node), its children do
/// not outlive it: they are told at once, the last started first, and nothing waits for them.
impl Drop for Supervisor {
    fn drop(&mut self) {
        for hand in self.hands.iter().rev() {
            if let Some(life) = &hand.life {
                life.ask();
                life.stop();
            }
        }
    }
}
