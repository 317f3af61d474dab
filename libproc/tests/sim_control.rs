//! The powers of a test: the clock, filters of messages, and the log.
mod common;
mod sim_world;
use common::*;
use libproc::sim::{Conditions, Filter, Latency, Verdict};
use libproc::Remote;
use sim_world::{world, World, MILLI, SECOND};

fn numbers(world: &mut World, count: u64) {
    let to: Remote<Say> = remote(&world.pair.server, &world.pair.client, "server");
    act(&world.pair.asker, move |_, cx| {
        (0..count).for_each(|number| cx.send(&to, Say::Number(number)));
    });
    world.sim.run_for(SECOND);
}

#[test]
fn settled_everything_has_arrived_and_no_timer_has_fired() {
    let mut world = world(1);
    world.sim.set_conditions(Conditions::taking(Latency::Constant(10 * SECOND)));
    let before = world.sim.now();
    world.pair.ask(Question::Double(4), 60 * SECOND);
    world.pair.ask(Question::Hold, SECOND / 1000);
    let disk = world.pair.server.disk();
    let there = world.pair.there.clone();
    world.pair.server.spawn_future(async move {
        disk.write("/f".as_ref(), vec![1]).await.unwrap();
        there.note("written");
    });
    assert!(world.sim.settle());
    assert_eq!(world.sim.now(), before, "the clock stands still");
    assert!(world.pair.here.has("answer Ok(8)") && world.pair.there.has("written"));
    assert!(world.pair.there.has("holds"));
    assert!(!world.pair.here.has("answer Err"), "its deadline is a timer");
    assert!(world.sim.advance(SECOND / 1000));
    assert!(world.pair.here.has("answer Err(Expired)"));
    assert_eq!(world.sim.now().since(before), SECOND / 1000);
}

#[test]
fn run_until_stops_at_the_level_or_at_the_deadline() {
    let mut world = world(2);
    world.pair.ask(Question::Double(1), SECOND);
    let (here, before) = (world.pair.here.clone(), world.sim.now());
    assert!(world.sim.run_until(SECOND, |_| here.has("answer Ok(2)")));
    assert!(world.sim.now().since(before) < 10 * MILLI);
    assert!(!world.sim.run_until(SECOND, |_| false));
    assert!(world.sim.now().since(before) >= SECOND);
}

#[test]
fn a_filter_drops_the_nth_match_and_no_other() {
    let mut world = world(3);
    let of = || Filter::all().from("c").to("s").of("test.Say").variant("Number");
    let third = world.sim.filter(of().nth(3), Verdict::Drop);
    let seen = world.sim.filter(of(), Verdict::Pass);
    let elsewhere = world.sim.filter(Filter::all().from("s"), Verdict::Drop);
    numbers(&mut world, 5);
    assert_eq!(world.pair.there.lines(), ["number 0", "number 1", "number 3", "number 4"]);
    assert_eq!(world.sim.matched(third).len(), 1);
    assert_eq!(world.sim.matched(seen).len(), 5);
    assert!(world.sim.matched(elsewhere).is_empty());
    let lost = "* lost c -> s: test.Say.Number of client to server: a filter dropped it";
    assert_eq!(world.sim.log().iter().filter(|line| line.ends_with(lost)).count(), 1);
}

#[test]
fn a_filter_delays_duplicates_overtakes_and_goes() {
    let say = || Filter::all().of("test.Say");
    for (verdict, expected) in [
        (Verdict::Twice, vec![0, 0, 1, 2]),
        (Verdict::Delay(SECOND / 2), vec![0, 1, 2]),
        (Verdict::Overtaken(SECOND / 2), vec![1, 2, 0]),
        (Verdict::Drop, vec![1, 2]),
    ] {
        let mut world = world(4);
        let once = world.sim.filter(say().once(), verdict);
        let before = world.sim.now();
        numbers(&mut world, 3);
        let expected: Vec<_> = expected.iter().map(|number| format!("number {number}")).collect();
        assert_eq!(world.pair.there.lines(), expected, "{verdict:?}");
        assert_eq!(world.sim.matched(once).len(), 1);
        if verdict == Verdict::Delay(SECOND / 2) {
            let steps = world.sim.steps();
            let first = steps.iter().find(|step| step.what == "Say.Number").unwrap();
            assert!(first.at.since(before) >= SECOND / 2, "{first}");
        }
        // Always, until it is taken away.
        let all = world.sim.filter(say(), Verdict::Drop);
        numbers(&mut world, 3);
        assert_eq!(world.pair.there.lines(), expected);
        world.sim.unfilter(all);
        numbers(&mut world, 1);
        assert_eq!(world.pair.there.lines().len(), expected.len() + 1);
    }
}

#[test]
fn the_answer_to_a_request_can_be_lost_alone() {
    let mut world = world(5);
    let answer = Filter::all().answers().of("test.Question").variant("Double").once();
    let lost = world.sim.filter(answer, Verdict::Drop);
    let asked = world.sim.filter(Filter::all().of("test.Question"), Verdict::Pass);
    for number in [1, 2] {
        world.pair.ask(Question::Double(number), SECOND);
        world.sim.run_for(2 * SECOND);
    }
    let answers: Vec<_> =
        world.pair.here.lines().into_iter().filter(|line| line.starts_with("answer")).collect();
    assert_eq!(answers, ["answer Err(Expired)", "answer Ok(4)"]);
    let matched = world.sim.matched(lost);
    assert_eq!((matched[0].from.as_str(), matched[0].to.as_str()), ("s", "c"));
    assert_eq!(world.sim.matched(asked).len(), 2);
}

#[test]
fn what_holds_of_a_message_decides_too_and_the_judge_comes_last() {
    let mut world = world(6);
    let odd = |passing: &libproc::sim::Passing| passing.payload.last().is_some_and(|n| n % 2 == 1);
    world.sim.filter(Filter::all().of("test.Say").when(odd), Verdict::Drop);
    world.sim.judge(|passing| match passing.payload.last() {
        Some(0) => Verdict::Drop,
        Some(odd) if odd % 2 == 1 => panic!("a filter has decided"),
        _ => Verdict::Pass,
    });
    numbers(&mut world, 5);
    assert_eq!(world.pair.there.lines(), ["number 2", "number 4"]);
}

#[test]
fn the_log_says_who_told_whom_what_and_in_which_trace() {
    let mut world = world(7);
    world.sim.note("now");
    numbers(&mut world, 2);
    let steps = world.sim.steps();
    let now = steps.iter().position(|step| step.what == "now").unwrap();
    let [act, first, second] = &steps[now + 1..now + 4] else { panic!("{steps:?}") };
    assert!(act.from.is_none() && act.is_of("client"), "{act}");
    // What a handler sends belongs to the trace of what it handles.
    let trace = act.trace.unwrap().trace_id;
    for step in [first, second] {
        let line = step.to_string();
        let end = format!("c/client -> s/server Say.Number trace {trace:x}");
        assert!(line.ends_with(&end), "{line}");
    }
    world.sim.keep_log(false);
    numbers(&mut world, 2);
    assert_eq!(world.sim.steps().len(), steps.len());
}
