//! What a supervisor does when a process ends: its policy is applied and everybody who is
//! linked knows; nothing is left that neither works nor is seen to have ended.
mod common;
use common::*;
use libproc::sim::Sim;
use libproc::supervise::{Absent, Backoff, Child, Find, Restart, Shutdown, Strategy, Supervisor};
use libproc::{
    AskError, Context, Node, NodeConfig, Observation, Pid, Process, Reason, Receive, Sender,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

// LP-06
on_both!(
    a_panic_is_seen_by_all_who_are_linked_and_mended,
    from_another_node_a_handle_stays_good,
    a_child_that_is_done_stays_down,
    past_the_limit_the_supervisor_ends_and_says_why,
    a_supervisor_above_restarts_the_whole_group,
    the_rest_is_restarted_in_order,
    shutdown_is_orderly_and_waits,
    who_does_not_end_in_time_is_ended,
    whoever_asks_for_a_child_that_is_down_waits_for_it,
    children_do_not_outlive_a_supervisor_that_is_stopped,
    a_factory_that_panics_is_a_failed_life,
    an_id_that_is_taken_is_tried_again,
);

/// A child that does what it is told, and writes down its lives.
struct Member {
    name: &'static str,
    journal: Journal,
    count: u32,
    /// Does not end when it is asked to.
    stubborn: bool,
}

struct Add;
struct Break;
struct Finish;
/// Ends it, but only after a while.
struct Drain;
struct DrainedDue;

impl Process for Member {
    const NAME: &'static str = "member";
    fn started(&mut self, _: &mut Context<Self>) {
        self.journal.note(format!("{} starts", self.name));
    }
    fn stopped(&mut self, reason: &Reason, _: &mut Context<Self>) {
        self.journal.note(format!("{} ends: {reason}", self.name));
    }
}

impl Receive<Add> for Member {
    fn receive(&mut self, _: Add, _: &Sender, _: &mut Context<Self>) {
        self.count += 1;
        self.journal.note(format!("{} has {}", self.name, self.count));
    }
}

impl Receive<Break> for Member {
    fn receive(&mut self, _: Break, _: &Sender, _: &mut Context<Self>) {
        panic!("{} breaks", self.name);
    }
}

impl Receive<Finish> for Member {
    fn receive(&mut self, _: Finish, _: &Sender, cx: &mut Context<Self>) {
        cx.stop(Reason::Normal);
    }
}

impl Receive<Drain> for Member {
    fn receive(&mut self, _: Drain, _: &Sender, cx: &mut Context<Self>) {
        self.journal.note(format!("{} drains", self.name));
        if !self.stubborn {
            cx.after(Duration::from_millis(20), DrainedDue);
        }
    }
}

impl Receive<DrainedDue> for Member {
    fn receive(&mut self, _: DrainedDue, _: &Sender, cx: &mut Context<Self>) {
        cx.stop(Reason::Normal);
    }
}

fn member(name: &'static str, journal: &Journal) -> Child<Member> {
    let journal = journal.clone();
    Child::new(name, move || Member { name, journal: journal.clone(), count: 0, stubborn: false })
}

/// Its children come back at once.
fn supervisor(strategy: Strategy) -> Supervisor {
    Supervisor::new(strategy).backoff(Backoff::NONE)
}

type Found<P> = Result<Result<Pid<P>, Absent>, AskError>;

fn ask_for<P: Process>(pool: &Pid<Supervisor>, id: &str) -> Arc<Mutex<Option<Found<P>>>> {
    let found = Arc::new(Mutex::new(None));
    let there = found.clone();
    pool.ask(Find::<P>::child(id), move |outcome| *there.lock().unwrap() = Some(outcome));
    found
}

async fn look<P: Process>(stage: &mut Stage, pool: &Pid<Supervisor>, id: &str) -> Found<P> {
    let found = ask_for(pool, id);
    stage.until("an answer", || found.lock().unwrap().is_some()).await;
    let found = found.lock().unwrap().take();
    found.unwrap()
}

async fn find(stage: &mut Stage, pool: &Pid<Supervisor>, id: &str) -> Pid<Member> {
    look(stage, pool, id).await.expect("the supervisor lives").expect("the child lives")
}

/// A node, and a probe on it that is linked to what it is told to.
async fn alone(stage: &mut Stage) -> (Node, Pid<Probe>, Journal) {
    let node = stage.node(NodeConfig::new("t", "alone")).await;
    let seen = Journal::default();
    let probe = node.spawn("probe", Probe::new(&seen)).unwrap();
    (node, probe, seen)
}

fn link<P: Process>(probe: &Pid<Probe>, to: &Pid<P>) {
    let to = to.address().clone();
    act(probe, move |_, cx| cx.link(&to));
}

async fn a_panic_is_seen_by_all_who_are_linked_and_mended(mut stage: Stage) {
    let (node, probe, seen) = alone(&mut stage).await;
    let journal = Journal::default();
    let children = supervisor(Strategy::OneForOne)
        .child(member("broken", &journal))
        .child(member("whole", &journal));
    let pool = node.spawn("pool", children).unwrap();
    let broken = find(&mut stage, &pool, "broken").await;
    let whole = find(&mut stage, &pool, "whole").await;
    link(&probe, &broken);
    whole.tell(Add);
    broken.tell(Add);
    // What is in the mailbox behind the panic is lost with the life that it was sent to.
    broken.tell(Break);
    broken.tell(Add);
    stage.until("the exit", || seen.has("exited broken: panicked: broken breaks")).await;
    let again = find(&mut stage, &pool, "broken").await;
    assert_eq!(again.address(), broken.address(), "its id is the same in each life");
    again.tell(Add);
    whole.tell(Add);
    stage.until("its neighbour goes on", || journal.has("whole has 2")).await;
    stage.settle().await;
    assert_eq!(journal.count("broken has 1"), 2, "each life begins anew: {:?}", journal.lines());
    assert_eq!(journal.count("broken has 2"), 0);
    assert_eq!(journal.count("broken starts"), 2);
    assert_eq!(journal.count("whole starts"), 1);
    assert_eq!(seen.count("exited"), 1);
    assert_eq!(node.exit_reason(), None);
}

async fn from_another_node_a_handle_stays_good(mut stage: Stage) {
    let pair = stage.pair().await;
    let journal = pair.there.clone();
    let worker = Child::new("worker", move || Probe::new(&journal));
    let pool = pair.server.spawn("pool", supervisor(Strategy::OneForOne).child(worker)).unwrap();
    look::<Probe>(&mut stage, &pool, "worker").await.unwrap().unwrap();
    let worker = remote::<Say>(&pair.server, &pair.client, "worker");
    let to = worker.clone();
    act(&pair.asker, move |_, cx| {
        cx.link(to.address());
        cx.send(&to, Say::Boom);
    });
    stage.until("the exit", || pair.here.has("exited worker: panicked: boom")).await;
    let to = worker.clone();
    act(&pair.asker, move |_, cx| {
        // The address is the same; the link has fired and is made anew.
        cx.link(to.address());
        cx.send(&to, Say::Number(7));
    });
    stage.until("the next life", || pair.there.has("number 7")).await;
    act(&pair.asker, move |_, cx| cx.send(&worker, Say::Boom));
    stage.until("the next exit", || pair.here.count("exited worker: panicked: boom") == 2).await;
}

async fn a_child_that_is_done_stays_down(mut stage: Stage) {
    let (node, _, _) = alone(&mut stage).await;
    let journal = Journal::default();
    let children = supervisor(Strategy::OneForOne)
        .child(member("done", &journal).restart(Restart::OnFailure))
        .child(member("once", &journal).restart(Restart::Never));
    let pool = node.spawn("pool", children).unwrap();
    find(&mut stage, &pool, "done").await.tell(Finish);
    find(&mut stage, &pool, "once").await.tell(Break);
    stage.until("the end", || journal.has("done ends: ended normally")).await;
    stage.settle().await;
    assert_eq!(journal.count("done starts"), 1);
    assert_eq!(journal.count("once starts"), 1);
    let absent = look::<Member>(&mut stage, &pool, "once").await.unwrap().unwrap_err();
    let last = Some(Reason::Panicked("once breaks".into()));
    assert_eq!(absent, Absent::Over { id: "once".into(), last });
    let absent = look::<Member>(&mut stage, &pool, "other").await.unwrap().unwrap_err();
    assert_eq!(absent, Absent::Unknown { id: "other".into() });
    let absent = look::<Probe>(&mut stage, &pool, "once").await.unwrap().unwrap_err();
    assert_eq!(absent.to_string(), "child once is a member");
}

async fn past_the_limit_the_supervisor_ends_and_says_why(mut stage: Stage) {
    let (node, probe, seen) = alone(&mut stage).await;
    let journal = Journal::default();
    let children = supervisor(Strategy::OneForOne)
        .limit(2, Duration::from_secs(3600))
        .child(member("first", &journal))
        .child(member("broken", &journal))
        .child(member("last", &journal));
    let pool = node.spawn("pool", children).unwrap();
    link(&probe, &pool);
    for life in 1..=3 {
        find(&mut stage, &pool, "broken").await.tell(Break);
        let lives = || journal.count("broken starts") > life || seen.count("exited pool") > 0;
        stage.until("another life or the end", lives).await;
    }
    let why = "exited pool: stopped: more than 2 restarts within 3600s; \
               child broken panicked: broken breaks";
    stage.until("it gives up", || seen.has(why)).await;
    let ends: Vec<_> = journal.lines().into_iter().filter(|line| line.contains(" ends")).collect();
    let by = "ends: stopped: its supervisor stops it";
    assert_eq!(ends, [format!("last {by}"), format!("first {by}")], "all, the last first");
    assert_eq!(journal.count("broken starts"), 3);
    // Nobody is left, and every id is free.
    for id in ["pool", "first", "broken", "last"] {
        assert!(node.spawn(id, Probe::new(&seen)).is_ok(), "{id} is a zombie");
    }
}

async fn a_supervisor_above_restarts_the_whole_group(mut stage: Stage) {
    let (node, _, _) = alone(&mut stage).await;
    let journal = Journal::default();
    let group = {
        let journal = journal.clone();
        move || {
            supervisor(Strategy::OneForOne)
                .limit(0, Duration::from_secs(1))
                .child(member("inner", &journal))
        }
    };
    let top = supervisor(Strategy::OneForOne).child(Child::group("group", group));
    let top = node.spawn("top", top).unwrap();
    let group = look::<Supervisor>(&mut stage, &top, "group").await.unwrap().unwrap();
    find(&mut stage, &group, "inner").await.tell(Break);
    stage.until("a new group", || journal.count("inner starts") == 2).await;
    let group = look::<Supervisor>(&mut stage, &top, "group").await.unwrap().unwrap();
    find(&mut stage, &group, "inner").await.tell(Add);
    stage.until("it works", || journal.has("inner has 1")).await;
}

async fn the_rest_is_restarted_in_order(mut stage: Stage) {
    let (node, _, _) = alone(&mut stage).await;
    let journal = Journal::default();
    let children = supervisor(Strategy::RestForOne)
        .child(member("a", &journal))
        .child(member("b", &journal))
        .child(member("c", &journal));
    let pool = node.spawn("pool", children).unwrap();
    let c = find(&mut stage, &pool, "c").await;
    c.tell(Add);
    stage.until("all are up", || journal.has("c has 1")).await;
    find(&mut stage, &pool, "b").await.tell(Break);
    stage.until("a new c", || journal.count("c starts") == 2).await;
    stage.settle().await;
    assert_eq!(
        journal.lines(),
        [
            "a starts",
            "b starts",
            "c starts",
            "c has 1",
            "c ends: stopped: its supervisor stops it",
            "b starts",
            "c starts"
        ]
    );
}

fn draining(name: &'static str, journal: &Journal, stubborn: bool) -> Child<Member> {
    let journal = journal.clone();
    Child::new(name, move || Member { name, journal: journal.clone(), count: 0, stubborn })
        .stop_by(|| Drain)
}

async fn shutdown_is_orderly_and_waits(mut stage: Stage) {
    let (node, probe, seen) = alone(&mut stage).await;
    let journal = Journal::default();
    let inner = {
        let journal = journal.clone();
        move || {
            supervisor(Strategy::OneForOne)
                .child(draining("inner-1", &journal, false))
                .child(draining("inner-2", &journal, false))
        }
    };
    let children = supervisor(Strategy::OneForOne)
        .child(draining("first", &journal, false).stop_within(WITHIN))
        .child(Child::group("group", inner).stop_within(WITHIN));
    let pool = node.spawn("pool", children).unwrap();
    link(&probe, &pool);
    stage.until("all are up", || journal.count("inner-2 starts") == 1).await;
    pool.tell(Shutdown);
    stage.until("the end", || seen.has("exited pool: ended normally")).await;
    let lines: Vec<_> = journal.lines().into_iter().filter(|l| !l.contains("starts")).collect();
    assert_eq!(
        lines,
        [
            "inner-2 drains",
            "inner-2 ends: ended normally",
            "inner-1 drains",
            "inner-1 ends: ended normally",
            "first drains",
            "first ends: ended normally",
        ]
    );
}

async fn who_does_not_end_in_time_is_ended(mut stage: Stage) {
    let (node, probe, seen) = alone(&mut stage).await;
    let journal = Journal::default();
    let stubborn = draining("stubborn", &journal, true).stop_within(Duration::from_millis(50));
    let pool = node.spawn("pool", supervisor(Strategy::OneForOne).child(stubborn)).unwrap();
    link(&probe, &pool);
    pool.tell(Shutdown);
    stage.until("the end", || seen.has("exited pool: ended normally")).await;
    let by = "stubborn ends: stopped: its supervisor stops it";
    assert_eq!(journal.lines(), ["stubborn starts", "stubborn drains", by]);
}

async fn whoever_asks_for_a_child_that_is_down_waits_for_it(mut stage: Stage) {
    let (node, probe, seen) = alone(&mut stage).await;
    let journal = Journal::default();
    let pause = Duration::from_millis(200);
    let children = Supervisor::new(Strategy::OneForOne)
        .backoff(Backoff { first: pause, most: pause })
        .child(member("slow", &journal));
    let pool = node.spawn("pool", children).unwrap();
    let slow = find(&mut stage, &pool, "slow").await;
    link(&probe, &slow);
    slow.tell(Break);
    stage.until("the exit", || seen.has("exited slow")).await;
    // Told of the end, whoever asks gets the next life.
    let next = find(&mut stage, &pool, "slow").await;
    next.tell(Add);
    stage.until("it works", || journal.has("slow has 1")).await;
    assert_eq!(journal.count("slow starts"), 2);
    // And learns it when there will be none.
    link(&probe, &next);
    next.tell(Break);
    stage.until("the next exit", || seen.count("exited slow") == 2).await;
    let found = ask_for::<Member>(&pool, "slow");
    pool.tell(Shutdown);
    stage.until("an answer", || found.lock().unwrap().is_some()).await;
    let found = found.lock().unwrap().take().unwrap().unwrap();
    assert_eq!(found.unwrap_err().to_string(), "child slow is over");
}

async fn children_do_not_outlive_a_supervisor_that_is_stopped(mut stage: Stage) {
    let (node, probe, seen) = alone(&mut stage).await;
    let journal = Journal::default();
    let children =
        supervisor(Strategy::OneForOne).child(member("a", &journal)).child(member("b", &journal));
    let pool = node.spawn("pool", children).unwrap();
    find(&mut stage, &pool, "b").await;
    link(&probe, &pool);
    pool.stop(Reason::Stopped("enough".into()));
    stage.until("the exit", || seen.has("exited pool: stopped: enough")).await;
    stage.until("all end", || journal.count("a ends") + journal.count("b ends") == 2).await;
    assert_eq!(journal.count("b starts"), 1, "nobody starts them again");
}

async fn a_factory_that_panics_is_a_failed_life(mut stage: Stage) {
    let (node, _, _) = alone(&mut stage).await;
    let journal = Journal::default();
    let mut tries = 0;
    let there = journal.clone();
    let picky = Child::new("picky", move || {
        tries += 1;
        assert!(tries > 2, "not yet");
        Member { name: "picky", journal: there.clone(), count: 0, stubborn: false }
    });
    let children = supervisor(Strategy::RestForOne).child(picky).child(member("next", &journal));
    let pool = node.spawn("pool", children).unwrap();
    find(&mut stage, &pool, "next").await;
    stage.until("both", || journal.lines().len() == 2).await;
    assert_eq!(journal.lines(), ["picky starts", "next starts"], "who depends on it waits");
}

async fn an_id_that_is_taken_is_tried_again(mut stage: Stage) {
    let (node, _, seen) = alone(&mut stage).await;
    let journal = Journal::default();
    let other = node.spawn("wanted", Probe::new(&seen)).unwrap();
    let pause = Duration::from_millis(10);
    let children = Supervisor::new(Strategy::OneForOne)
        .backoff(Backoff { first: pause, most: pause })
        .limit(1_000_000, Duration::from_secs(1))
        .child(member("wanted", &journal));
    let pool = node.spawn("pool", children).unwrap();
    let found = ask_for::<Member>(&pool, "wanted");
    act(&other, |_, cx| cx.stop(Reason::Normal));
    stage.until("it is found", || found.lock().unwrap().is_some()).await;
    let found = found.lock().unwrap().take();
    assert!(matches!(found, Some(Ok(Ok(_)))), "{found:?}");
}

/// A child that breaks a while after it has started, each time.
struct Brittle;
struct BreakDue;

impl Process for Brittle {
    const NAME: &'static str = "brittle";
    fn started(&mut self, cx: &mut Context<Self>) {
        cx.after(Duration::from_millis(50), BreakDue);
    }
}

impl Receive<BreakDue> for Brittle {
    fn receive(&mut self, _: BreakDue, _: &Sender, _: &mut Context<Self>) {
        panic!("brittle");
    }
}

/// The steps of a minute in which two children break again and again, and what is seen of them.
fn brittle(seed: u64) -> (Vec<String>, Observation) {
    let mut sim = Sim::new(seed);
    let machine = sim.machine("m", "10.0.0.1:1");
    let node = sim.start(machine, NodeConfig::new("t", "m"));
    let pool = Supervisor::new(Strategy::OneForOne)
        .limit(1_000, Duration::from_secs(60))
        .child(Child::new("one", || Brittle))
        .child(Child::new("two", || Brittle));
    let pool = node.spawn("pool", pool).unwrap();
    sim.run_for(Duration::from_secs(60));
    let look = |pool: &Supervisor| {
        let mut seen = Observation::default();
        pool.observe(&mut seen);
        seen
    };
    let seen = sim.inspect(&pool, look).expect("the supervisor lives");
    (sim.log(), seen)
}

#[test]
fn the_same_seed_restarts_at_the_same_times() {
    let (first, seen) = brittle(3);
    let (again, _) = brittle(3);
    let (other, _) = brittle(4);
    assert_eq!(first, again);
    assert_ne!(first, other, "the pauses' jitter is of the seed");
    let child = &seen.state["children"][0];
    assert_eq!(child["id"], "one");
    assert_eq!(child["kind"], "brittle");
    assert_eq!(child["last_reason"], "panicked: brittle");
    let restarts = child["restarts"].as_u64().unwrap();
    // Pauses of 0.1 s, doubling to 10 s: some ten of them within a minute.
    assert!((8..=20).contains(&restarts), "{restarts}");
    let started = first.iter().filter(|step| step.ends_with("m/one started")).count();
    assert_eq!(started as u64, restarts + 1, "what is seen is what happened");
}
