use super::*;
use crate::wire::{Assembly, Names, WINDOW};
use proptest::prelude::*;

const WIRE: &str = "test.Say";

fn id(name: &str) -> ProcessId {
    ProcessId::new(name).unwrap()
}

/// Sends `length` bytes of `fill` to a process.
fn send(queue: &mut Queue, to: &str, fill: u8, length: usize) -> Result<(), NotSent> {
    say(queue, to, None, fill, length)
}

fn say(
    queue: &mut Queue,
    to: &str,
    ask: Option<(u64, u64)>,
    fill: u8,
    length: usize,
) -> Result<(), NotSent> {
    let (to, from) = (id(to), id("me"));
    let way = Way { to: &to, from: &from, wire: WIRE, variant: "V" };
    say_within(queue, &way, ask, BACKLOG, fill, length)
}

fn say_within(
    queue: &mut Queue,
    way: &Way<'_>,
    ask: Option<(u64, u64)>,
    room: usize,
    fill: u8,
    length: usize,
) -> Result<(), NotSent> {
    let message = Message { way: *way, ask, trace: None, state: &TraceState::NONE, room };
    queue.message(&message, |out| {
        out.resize(out.len() + length, fill);
        Ok(())
    })
}

/// The other side: what a connection's bytes say, in order.
#[derive(Default)]
struct Reader {
    routes: Vec<String>,
    assembly: Assembly,
    /// `to fill length`, or the frame.
    heard: Vec<String>,
}

impl Reader {
    /// One write's worth, which is at most two buffers and a part.
    fn write(&mut self, queue: &mut Queue) -> Taken {
        let mut out = Vec::new();
        let taken = queue.take(&mut out);
        let mut at = &out[..];
        while !at.is_empty() {
            let length = u32::from_le_bytes(at[..PREFIX].try_into().unwrap()) as usize;
            assert!(length <= MAX_PIECE || queue.piece == usize::MAX);
            self.frame(&at[PREFIX..PREFIX + length]);
            at = &at[PREFIX + length..];
        }
        taken
    }

    fn all(&mut self, queue: &mut Queue) -> Vec<String> {
        while self.write(queue) == Taken::Frames {}
        std::mem::take(&mut self.heard)
    }

    fn frame(&mut self, frame: &[u8]) {
        let heard = match Envelope::decode(frame).unwrap() {
            Envelope::Chunk { stream, last, part } => {
                if let Some(whole) = self.assembly.add(stream, last, part).unwrap() {
                    self.frame(&whole);
                }
                return;
            }
            Envelope::Send { header, payload } | Envelope::Ask { header, payload, .. } => {
                let to = self.route(&header.route);
                let fill = payload.first().map_or('-', |byte| char::from(*byte));
                format!("{to} {fill} {}", payload.len())
            }
            Envelope::Answer { id, payload } => format!("p{id} answer {}", payload.len()),
            other => format!("{other:?}"),
        };
        self.heard.push(heard);
    }

    fn route(&mut self, route: &Route<'_>) -> String {
        match *route {
            Route::Known(number) => self.routes[number as usize - 1].clone(),
            Route::Named(0, Names { to, .. }) => to.to_owned(),
            Route::Named(number, Names { to, .. }) => {
                self.routes.resize(self.routes.len().max(number as usize), String::new());
                self.routes[number as usize - 1] = to.to_owned();
                to.to_owned()
            }
        }
    }
}

const PONG: Envelope<'static> = Envelope::Pong { sequence: 1 };

#[test]
fn control_goes_first_and_a_route_is_named_once() {
    let (mut queue, mut reader) = (Queue::of_bytes(), Reader::default());
    for _ in 0..2 {
        send(&mut queue, "a", b'x', 3).unwrap();
    }
    queue.control(&PONG);
    assert!(queue.wakes());
    let mut out = Vec::new();
    assert_eq!(queue.take(&mut out), Taken::Frames);
    let named = 4 + 2 + [1, 2, WIRE.len(), 1].iter().map(|name| name + 1).sum::<usize>() + 1 + 3;
    assert_eq!(out.len(), 13 + named + (4 + 2 + 1 + 3));
    assert_eq!(queue.bytes(), 0);
    assert_eq!(queue.take(&mut out), Taken::Nothing);
    assert!(queue.wakes());
    queue.control(&PONG);
    send(&mut queue, "b", b'y', 0).unwrap();
    assert_eq!(reader.all(&mut queue), ["Pong { sequence: 1 }", "b - 0"]);
}

#[test]
fn a_busy_writer_is_not_woken() {
    let mut queue = Queue::of_bytes();
    assert!(queue.wakes());
    send(&mut queue, "a", b'x', 1).unwrap();
    assert!(!queue.wakes(), "it was woken, and has not looked since");
    while queue.take(&mut Vec::new()) == Taken::Frames {}
    send(&mut queue, "a", b'x', 1).unwrap();
    assert!(queue.wakes());
}

#[test]
fn control_waits_behind_one_write_at_most() {
    let (mut queue, mut reader) = (Queue::of_bytes(), Reader::default());
    for n in 0..100u8 {
        send(&mut queue, &format!("p{n}"), b'x', 10_000).unwrap();
    }
    let mut out = Vec::new();
    queue.take(&mut out);
    assert!(out.len() < 2 * MAX_PIECE, "{}", out.len());
    queue.control(&PONG);
    reader.routes.resize(100, String::new());
    reader.write(&mut queue);
    assert_eq!(reader.heard[0], "Pong { sequence: 1 }");
}

#[test]
fn without_credit_messages_wait_in_order_and_nobody_else_does() {
    let (mut queue, mut reader) = (Queue::of_bytes(), Reader::default());
    // The last one that still has credit may be longer than what is left.
    for fill in [b'1', b'2', b'3', b'4'] {
        send(&mut queue, "slow", fill, WINDOW as usize / 2).unwrap();
    }
    send(&mut queue, "other", b'x', 1).unwrap();
    let exited = Envelope::Exited { watcher: "slow", target: "me", code: 0, detail: "" };
    queue.follow(&id("slow"), &exited).unwrap();
    let half = WINDOW / 2;
    let heard = reader.all(&mut queue);
    assert_eq!(heard, ["other x 1", &format!("slow 1 {half}"), &format!("slow 2 {half}")]);
    assert!(queue.bytes() > WINDOW as usize);
    // Two halves and two envelopes were spent: one half and one envelope give credit for one.
    queue.granted("slow", cost(half as usize));
    queue.granted("nobody", 5);
    assert_eq!(reader.all(&mut queue), [format!("slow 3 {half}")]);
    queue.granted("slow", cost(half as usize));
    let heard = reader.all(&mut queue);
    assert_eq!(heard, [format!("slow 4 {half}"), format!("{exited:?}")]);
    assert_eq!(queue.bytes(), 0);
}

#[test]
fn what_waits_for_one_process_is_bounded_and_can_be_thrown_away() {
    let (mut queue, mut reader) = (Queue::of_bytes(), Reader::default());
    let (mut taken, mut ids) = (0, 0);
    let full = loop {
        ids += 1;
        match say(&mut queue, "slow", Some((ids, 5)), b'x', 50_000) {
            Ok(()) => taken += 1,
            Err(full) => break full,
        }
        reader.write(&mut queue);
    };
    assert!(matches!(full, NotSent::Full), "{full}");
    let sent = reader.all(&mut queue).len() as u64;
    assert_eq!(sent, WINDOW.div_ceil(cost(50_000)));
    assert!(queue.bytes() <= BACKLOG, "{}", queue.bytes());
    let exited = Envelope::Exited { watcher: "slow", target: "me", code: 0, detail: "" };
    queue.follow(&id("slow"), &exited).unwrap();
    send(&mut queue, "other", b'y', 1).unwrap();
    assert_eq!(reader.all(&mut queue), ["other y 1"]);
    let discarded = queue.discard("slow");
    assert_eq!(discarded.messages, taken - sent);
    assert_eq!(discarded.asks, (sent + 1..=taken).collect::<Vec<_>>());
    assert_eq!(queue.discard("nobody"), Discarded::default());
    // The exit was not thrown away, and has nothing to wait for any more.
    assert_eq!(reader.all(&mut queue), [format!("{exited:?}")]);
    assert_eq!(queue.bytes(), 0);
}

#[test]
fn what_may_be_lost_leaves_room_for_what_may_not() {
    let mut queue = Queue::of_bytes();
    let (to, from) = (id("slow"), id("me"));
    let way = Way { to: &to, from: &from, wire: WIRE, variant: "V" };
    let fill = |queue: &mut Queue, room| {
        while say_within(queue, &way, None, room, b'x', 5_000).is_ok() {}
        queue.bytes()
    };
    let waits = fill(&mut queue, LOSSY_BACKLOG);
    send(&mut queue, "slow", b'y', 1_000_000).unwrap();
    assert!(fill(&mut queue, LOSSY_BACKLOG) < waits + 1_100_000);
    assert!(fill(&mut queue, BACKLOG) > waits + 3_900_000);
}

#[test]
fn long_frames_travel_in_parts_between_others() {
    let (mut queue, mut reader) = (Queue::of_bytes(), Reader::default());
    let long = 300_000;
    send(&mut queue, "a", b'1', 1).unwrap();
    send(&mut queue, "a", b'2', long).unwrap();
    send(&mut queue, "a", b'3', 1).unwrap();
    send(&mut queue, "b", b'4', long).unwrap();
    let mut writes = 0;
    while reader.write(&mut queue) == Taken::Frames {
        writes += 1;
        send(&mut queue, "c", b'5', 1).unwrap();
        queue.control(&PONG);
        if writes > 100 {
            break;
        }
        if queue.waiting == 0 {
            reader.all(&mut queue);
            break;
        }
    }
    let parts = 2 * (long + MAX_HEAD).div_ceil(PART);
    assert!((parts - 2..=parts + 2).contains(&writes), "{writes} writes");
}

#[test]
fn a_long_frame_keeps_its_place_among_its_own() {
    let (mut queue, mut reader) = (Queue::of_bytes(), Reader::default());
    // More than one buffer of small ones stands in front of it.
    let before: Vec<_> = (0..40).map(|_| "a s 4000".to_owned()).collect();
    for _ in &before {
        send(&mut queue, "a", b's', 4000).unwrap();
    }
    send(&mut queue, "a", b'L', 100_000).unwrap();
    send(&mut queue, "a", b't', 1).unwrap();
    let answer = Envelope::Answer { id: 1, payload: &[7; 70_000] };
    queue.follow(&id("a"), &answer).unwrap();
    send(&mut queue, "a", b'u', 1).unwrap();
    let heard = reader.all(&mut queue);
    assert_eq!(heard[..40], before);
    assert_eq!(heard[40..42], ["a L 100000", "a t 1"]);
    assert_eq!(heard[42], "p1 answer 70000");
    assert_eq!(heard[43..], ["a u 1"]);
    assert_eq!((queue.bytes(), reader.assembly.bytes()), (0, 0));
}

#[test]
fn the_receivers_bounds_for_parts_are_kept() {
    let (mut queue, mut reader) = (Queue::of_bytes(), Reader::default());
    for n in 0..40 {
        send(&mut queue, &format!("p{n}"), b'x', 1_000_000).unwrap();
    }
    send(&mut queue, "big", b'x', MAX_FRAME - 2 * MAX_HEAD).unwrap();
    // The reader's assembly would refuse.
    assert_eq!(reader.all(&mut queue).len(), 41);
    assert_eq!(queue.bytes(), 0);
}

#[test]
fn whole_frames_name_themselves() {
    let (mut queue, mut reader) = (Queue::of_frames(), Reader::default());
    for _ in 0..2 {
        send(&mut queue, "a", b'x', 200_000).unwrap();
        let mut out = Vec::new();
        assert_eq!(queue.take(&mut out), Taken::Frames);
        let Ok(Envelope::Send { header, .. }) = Envelope::decode(&out[PREFIX..]) else {
            panic!("no message");
        };
        assert_eq!(reader.route(&header.route), "a");
    }
}

#[test]
fn what_cannot_be_sent_leaves_nothing() {
    let (mut queue, mut reader) = (Queue::of_bytes(), Reader::default());
    let (to, from) = (id("a"), id("me"));
    let way = Way { to: &to, from: &from, wire: WIRE, variant: "V" };
    let message = Message { way, ask: None, trace: None, state: &TraceState::NONE, room: BACKLOG };
    let failed = queue.message(&message, |out| {
        out.push(1);
        Err(EncodeError::UnknownLength)
    });
    assert!(matches!(failed, Err(NotSent::Encode(_))));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = queue.message(&message, |_| panic!("while it was encoded"));
    }));
    assert!(panicked.is_err());
    let large = send(&mut queue, "a", b'x', MAX_FRAME);
    assert!(matches!(large, Err(NotSent::TooLarge(_))));
    // The same where it would have to wait.
    send(&mut queue, "slow", b'x', WINDOW as usize).unwrap();
    let slow = id("slow");
    let message = Message { way: Way { to: &slow, ..way }, ..message };
    let failed = queue.message(&message, |out| {
        out.push(1);
        Err(EncodeError::UnknownLength)
    });
    assert!(matches!(failed, Err(NotSent::Encode(_))));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = queue.message(&message, |out| {
            out.push(1);
            panic!("while it was encoded");
        });
    }));
    assert!(panicked.is_err());
    let large = send(&mut queue, "slow", b'x', MAX_FRAME);
    assert!(matches!(large, Err(NotSent::TooLarge(_))));
    send(&mut queue, "slow", b'z', 2).unwrap();
    queue.granted("slow", 2 * WINDOW);
    // The route is still to be named.
    send(&mut queue, "a", b'y', 1).unwrap();
    assert_eq!(reader.all(&mut queue), ["a y 1", &format!("slow x {WINDOW}"), "slow z 2"]);
    assert_eq!(queue.bytes(), 0);
}

#[test]
fn too_much_for_one_peer_closes() {
    let mut queue = Queue::of_bytes();
    let refused = (0..).find_map(|n| send(&mut queue, &format!("p{n}"), b'x', 900_000).err());
    assert!(matches!(refused, Some(NotSent::Ended)));
    assert_eq!(queue.bytes(), 0);
    let why = format!("more than {LIMIT} bytes wait for a slow peer");
    assert_eq!(queue.take(&mut Vec::new()), Taken::Closed(why));
}

#[test]
fn a_finished_queue_writes_what_waits_and_a_closed_one_nothing() {
    let (mut queue, mut reader) = (Queue::of_bytes(), Reader::default());
    send(&mut queue, "a", b'x', 1).unwrap();
    queue.finish("done");
    assert!(matches!(send(&mut queue, "a", b'y', 1), Err(NotSent::Ended)));
    assert_eq!(reader.all(&mut queue), ["a x 1"]);
    assert_eq!(queue.take(&mut Vec::new()), Taken::Finished("done".into()));
    let mut queue = Queue::of_bytes();
    for _ in 0..2 {
        send(&mut queue, "slow", b'x', WINDOW as usize).unwrap();
    }
    queue.finish("done");
    reader.all(&mut queue);
    assert_eq!(queue.take(&mut Vec::new()), Taken::Unfinished("done".into()));
    queue.granted("slow", 2 * WINDOW);
    assert_eq!(reader.all(&mut queue).len(), 1);
    assert_eq!(queue.take(&mut Vec::new()), Taken::Finished("done".into()));
    queue.close("broke");
    assert_eq!(queue.take(&mut Vec::new()), Taken::Closed("done".into()));
}

#[test]
fn a_stream_that_is_of_no_use_is_forgotten() {
    let mut queue = Queue::of_bytes();
    for n in 0..5000 {
        send(&mut queue, &format!("p{n}"), b'x', 10).unwrap();
        queue.granted(&format!("p{n}"), cost(10));
        queue.take(&mut Vec::new());
    }
    assert_eq!(queue.streams.len(), crate::wire::MAX_ROUTES as usize);
}

/// Something that happens to a queue.
#[derive(Clone, Debug)]
enum Happens {
    Send {
        to: usize,
        length: usize,
    },
    Follow {
        to: usize,
        length: usize,
    },
    /// What a process has heard is handled.
    Handled {
        by: usize,
    },
    Written,
}

fn happens() -> impl Strategy<Value = Happens> {
    let length = prop_oneof![0usize..200, 60_000usize..70_000, 200_000usize..700_000];
    prop_oneof![
        4 => (0usize..3, length.clone()).prop_map(|(to, length)| Happens::Send { to, length }),
        1 => (0usize..3, length).prop_map(|(to, length)| Happens::Follow { to, length }),
        2 => (0usize..3).prop_map(|by| Happens::Handled { by }),
        4 => Just(Happens::Written),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is sent, however long, and whenever credit comes: each process hears everything
    /// once, in order, and never more than its window before it has handled some.
    #[test]
    fn order_and_credit_hold(story in proptest::collection::vec(happens(), 1..60)) {
        let (mut queue, mut reader) = (Queue::of_bytes(), Reader::default());
        let mut said: [Vec<String>; 3] = Default::default();
        let mut heard: [Vec<String>; 3] = Default::default();
        let mut held = [0u64; 3];
        let end = (0..300).flat_map(|_| {
            [Happens::Written, Happens::Handled { by: 0 }, Happens::Handled { by: 1 },
                Happens::Handled { by: 2 }]
        });
        for happens in story.into_iter().chain(end) {
            match happens {
                Happens::Send { to, length } => {
                    let sent = send(&mut queue, &format!("p{to}"), b'x', length);
                    if sent.is_ok() {
                        let fill = if length == 0 { '-' } else { 'x' };
                        said[to].push(format!("{fill} {length}"));
                    }
                }
                Happens::Follow { to, length } => {
                    let payload = vec![to as u8; length];
                    let answer = Envelope::Answer { id: to as u64, payload: &payload };
                    queue.follow(&id(&format!("p{to}")), &answer).unwrap();
                    said[to].push(format!("answer {length}"));
                }
                Happens::Handled { by } => {
                    queue.granted(&format!("p{by}"), held[by]);
                    held[by] = 0;
                }
                Happens::Written => {
                    reader.write(&mut queue);
                }
            }
            for line in std::mem::take(&mut reader.heard) {
                let (to, rest) = line.split_once(' ').unwrap();
                let to = to[1..].parse::<usize>().unwrap();
                let (kind, length) = rest.split_once(' ').unwrap();
                if kind != "answer" {
                    prop_assert!(held[to] < WINDOW, "sent without credit");
                    held[to] += cost(length.parse().unwrap());
                }
                heard[to].push(rest.to_owned());
            }
        }
        prop_assert_eq!(said, heard);
        prop_assert_eq!(queue.bytes(), 0);
    }
}
