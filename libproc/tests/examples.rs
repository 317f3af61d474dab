//! The examples as a reader runs them: the real binaries, to their end.
mod common;
use common::*;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Stdio};

fn lines<'a>(printed: &'a str, start: &str) -> Vec<&'a str> {
    printed.lines().filter(|line| line.starts_with(start)).collect()
}

#[test]
fn ping_pong_goes_back_and_forth_until_bob_has_enough() {
    let printed = output(example("ping_pong"));
    let mut expected = vec!["alice plays with bob".to_owned()];
    for hits in 1..=7 {
        let who = ["alice", "bob"][hits % 2];
        expected.push(format!("{who} gets the ball after {hits} hits"));
    }
    expected.push("alice sees that bob stopped: enough for today".to_owned());
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_scripted_chat_shows_everybody_the_same() {
    let printed = output(example("chat"));
    let said = [
        "ann: hello bob, how is the weather?",
        "bob: it rains, ann. and there?",
        "ann: here too, alas. bye!",
        "bob: bye, ann!",
    ];
    for (name, first, last) in
        [("ann", "bob has come", None), ("bob", "ann has come", Some("ann has left"))]
    {
        let screen = format!("{name}'s screen: ");
        let shown: Vec<_> = lines(&printed, &screen).iter().map(|l| &l[screen.len()..]).collect();
        let expected: Vec<_> = [first].into_iter().chain(said).chain(last).collect();
        assert_eq!(shown, expected, "{printed}");
    }
    assert_eq!(printed.lines().last(), Some("room: bob has left (ended normally)"));
}

/// A running example; ended with the test.
struct Running(Child, BufReader<ChildStdout>);

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = example("chat");
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let stdout = child.stdout.take().expect("it is piped");
        Running(child, BufReader::new(stdout))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.1.read_line(&mut line).expect("it prints");
        line.trim_end().to_owned()
    }

    fn types(&mut self, line: &str) {
        let stdin = self.0.stdin.as_mut().expect("it reads");
        writeln!(stdin, "{line}").expect("it reads");
    }

    /// Closes its terminal; what else it prints, once it has ended well.
    fn leaves(mut self) -> String {
        drop(self.0.stdin.take());
        let mut rest = String::new();
        self.1.read_to_string(&mut rest).expect("it prints");
        assert!(self.0.wait().expect("it ends").success());
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn people_chat_from_programs_of_their_own() {
    let mut room = Running::start(&["host", "127.0.0.1:0"]);
    let open = room.line();
    let at = open.strip_prefix("room: open at ").expect(&open).to_owned();
    let mut ann = Running::start(&["join", &at, "ann"]);
    assert_eq!(room.line(), "room: ann has come");
    let mut bob = Running::start(&["join", &at, "bob"]);
    assert_eq!(room.line(), "room: bob has come");
    assert_eq!(ann.line(), "ann's screen: bob has come");
    assert_eq!(bob.line(), "bob's screen: ann has come");
    ann.types("hello");
    assert_eq!(bob.line(), "bob's screen: ann: hello");
    assert_eq!(ann.line(), "ann's screen: ann: hello");
    assert_eq!(bob.leaves(), "");
    assert_eq!(ann.line(), "ann's screen: bob has left");
    // A room that dies without a word is noticed too.
    room.0.kill().expect("it runs");
    let mut rest = String::new();
    ann.1.read_to_string(&mut rest).expect("it ends");
    assert_eq!(rest, "");
    assert!(!ann.0.wait().expect("it ends").success(), "cut off is not done");
}

#[test]
fn the_pipeline_says_what_became_of_each_reading() {
    let printed = output(example("pipeline"));
    assert_eq!(lines(&printed, "reading ").len(), 7, "{printed}");
    assert_eq!(lines(&printed, "reading 2 is refused: it is no number").len(), 1, "{printed}");
    assert_eq!(lines(&printed, "reading 4 is stored as 71.6 °F").len(), 1, "{printed}");
    assert_eq!(lines(&printed, "a batch of 3 is written").len(), 2, "{printed}");
    assert!(!printed.contains("trace"), "nothing is traced unless it is wanted");
}

#[test]
fn the_pool_outlives_a_poisoned_job_and_gives_up_on_a_hopeless_worker() {
    let printed = output(example("worker_pool"));
    for job in (1..=12).filter(|job| *job != 5) {
        let done = format!("{job}² = {}", job * job);
        let times = printed.lines().filter(|line| line.contains(&format!(": {done} "))).count();
        assert_eq!(times, 1, "{done}: {printed}");
    }
    let lost: Vec<_> = printed.lines().filter(|line| line.contains("is lost")).collect();
    assert_eq!(lost.len(), 1, "{printed}");
    let victim = lost[0].split(':').next().unwrap();
    assert!(lost[0].contains("job 5"));
    assert_eq!(lines(&printed, &format!("{victim} panicked: job 5 is poisoned")).len(), 1);
    // It came back with fresh state before the pool was closed.
    let after = printed.split_once("is lost").unwrap().1;
    let mut lives = lines(after, &format!("{victim}: ")).into_iter();
    assert!(lives.next().is_some_and(|line| line.ends_with("(its job no. 1)")), "{printed}");
    let ends: Vec<_> =
        printed.lines().filter(|l| l.ends_with("stopped: its supervisor stops it")).collect();
    let in_order = ["worker-3", "worker-2", "worker-1"];
    assert!(ends.iter().zip(in_order).all(|(line, name)| line.starts_with(name)), "{printed}");
    assert_eq!(ends.len(), 3);
    assert_eq!(
        printed.lines().last(),
        Some(
            "trouble stopped: more than 3 restarts within 10s; \
             child hopeless stopped: the disk is full"
        )
    );
}
