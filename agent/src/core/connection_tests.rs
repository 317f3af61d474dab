use super::*;
use libproc::{Instant, Timestamp};
use meseta_api::term::RegistryId;

const PING: Duration = Duration::from_secs(75);

fn term(registry: u128, counter: u64) -> Term {
    Term { registry: RegistryId::from_bits(registry), generation: 1, counter }
}

fn step(link: &mut MasterLink, event: LinkEvent) -> Vec<LinkStep> {
    let mut zero = || 0;
    link.step(event, &mut Moment::new(Instant::ZERO, Timestamp(0), &mut zero))
}

fn link(masters: &[&str]) -> MasterLink {
    let masters = masters.join(",").parse().unwrap();
    let mut link = MasterLink::new(&masters, Duration::from_secs(1));
    link.recover(Some(term(1, 5)));
    link
}

const D: DialId = DialId(1);

/// A link in each phase, reached by the events that lead there.
fn in_phase(name: &str) -> MasterLink {
    let mut link = link(&["a:1", "b:1"]);
    let way: [(&str, Vec<LinkEvent>); 6] = [
        ("disconnected", vec![LinkEvent::Begin]),
        ("dialling", vec![LinkEvent::RedialDue]),
        ("arrived", vec![LinkEvent::Dialled(D)]),
        ("syncing", vec![LinkEvent::TermAnnounced(D, term(1, 6))]),
        ("registering", vec![LinkEvent::TermStored(term(1, 6))]),
        ("registered", vec![LinkEvent::Answered(PING)]),
    ];
    for (reached, events) in way {
        events.into_iter().for_each(|event| drop(step(&mut link, event)));
        if reached == name {
            break;
        }
    }
    link
}

fn name(phase: &Phase) -> &'static str {
    match phase {
        Phase::Disconnected => "disconnected",
        Phase::Dialling { .. } => "dialling",
        Phase::Arrived { .. } => "arrived",
        Phase::TermSyncing { .. } => "syncing",
        Phase::Registering { .. } => "registering",
        Phase::Registered { .. } => "registered",
    }
}

/// Every (phase, event): the phase after it. A dash: nothing changes and nothing is done.
#[test]
fn every_phase_and_event() {
    let old = DialId(99);
    let events: Vec<(&str, LinkEvent)> = vec![
        ("begin", LinkEvent::Begin),
        ("redial", LinkEvent::RedialDue),
        ("dialled", LinkEvent::Dialled(D)),
        ("dialled old", LinkEvent::Dialled(old)),
        ("failed", LinkEvent::DialFailed(D)),
        ("failed old", LinkEvent::DialFailed(old)),
        ("lost", LinkEvent::Lost(D)),
        ("lost old", LinkEvent::Lost(old)),
        ("not leader", LinkEvent::NotLeader(D, None)),
        ("not leader old", LinkEvent::NotLeader(old, None)),
        ("newer term", LinkEvent::TermAnnounced(D, term(1, 7))),
        ("older term", LinkEvent::TermAnnounced(D, term(1, 4))),
        ("other registry", LinkEvent::TermAnnounced(D, term(2, 9))),
        ("term of old", LinkEvent::TermAnnounced(old, term(1, 7))),
        ("stored", LinkEvent::TermStored(term(1, 6))),
        ("term overdue", LinkEvent::TermOverdue),
        ("register due", LinkEvent::RegisterDue),
        ("answered", LinkEvent::Answered(PING)),
        ("pinged", LinkEvent::Pinged(true)),
        ("unknown to it", LinkEvent::Pinged(false)),
        ("ping overdue", LinkEvent::PingOverdue),
    ];
    let table: [(&str, [&str; 21]); 6] = [
        (
            "disconnected",
            [
                "disconnected",
                "dialling",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
            ],
        ),
        (
            "dialling",
            [
                "-",
                "-",
                "arrived",
                "-",
                "disconnected",
                "-",
                "disconnected",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
            ],
        ),
        (
            "arrived",
            [
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "disconnected",
                "-",
                "disconnected",
                "-",
                "syncing",
                "disconnected",
                "disconnected",
                "-",
                "-",
                "disconnected",
                "-",
                "-",
                "-",
                "-",
                "-",
            ],
        ),
        (
            "syncing",
            [
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "disconnected",
                "-",
                "disconnected",
                "-",
                "-",
                "-",
                "-",
                "-",
                "registering",
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
            ],
        ),
        (
            "registering",
            [
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "disconnected",
                "-",
                "disconnected",
                "-",
                "syncing",
                "disconnected",
                "disconnected",
                "-",
                "-",
                "-",
                "registering",
                "registered",
                "-",
                "-",
                "-",
            ],
        ),
        (
            "registered",
            [
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "disconnected",
                "-",
                "disconnected",
                "-",
                "syncing",
                "disconnected",
                "disconnected",
                "-",
                "-",
                "-",
                "-",
                "registered",
                "registered",
                "registering",
                "disconnected",
            ],
        ),
    ];
    for (from, row) in table {
        for ((what, event), expected) in events.iter().zip(row) {
            let mut link = in_phase(from);
            assert_eq!(name(link.phase()), from);
            let steps = step(&mut link, event.clone());
            if expected == "-" {
                assert_eq!((name(link.phase()), steps), (from, vec![]), "{from}, {what}");
            } else {
                assert_eq!(name(link.phase()), expected, "{from}, {what}");
                assert!(!steps.is_empty(), "{from}, {what}");
            }
        }
    }
}

#[test]
fn promise_2_only_the_acknowledged_term_on_the_current_connection_is_obeyed() {
    let registered = in_phase("registered");
    assert!(registered.obeys(D, term(1, 6)));
    for (dial, term) in [(D, term(1, 5)), (D, term(1, 7)), (D, term(2, 6)), (DialId(2), term(1, 6))]
    {
        assert!(!registered.obeys(dial, term), "{dial:?} {term}");
    }
    for phase in ["disconnected", "dialling", "arrived", "syncing"] {
        assert!(!in_phase(phase).obeys(D, term(1, 6)), "{phase}");
    }
}

#[test]
fn promise_2_a_refused_term_says_what_an_operator_can_do() {
    let mut link = in_phase("arrived");
    let steps = step(&mut link, LinkEvent::TermAnnounced(D, term(2, 9)));
    let [LinkStep::TermRefused(why), LinkStep::Drop(..), LinkStep::DialAfter(_)] = &steps[..]
    else {
        panic!("{steps:?}");
    };
    assert!(why.contains("another registry") && why.contains("meta/term"), "{why}");
    assert_eq!(link.stored(), Some(term(1, 5)));
}

#[test]
fn a_term_that_is_known_is_not_written_again() {
    let mut link = in_phase("arrived");
    let steps = step(&mut link, LinkEvent::TermAnnounced(D, term(1, 5)));
    assert!(matches!(steps[..], [LinkStep::Register(..)]), "{steps:?}");
    // And said twice it changes nothing.
    assert_eq!(step(&mut link, LinkEvent::TermAnnounced(D, term(1, 5))), vec![]);
}

#[test]
fn a_term_counts_from_its_write_whatever_became_of_the_connection() {
    let mut link = in_phase("syncing");
    step(&mut link, LinkEvent::Lost(D));
    step(&mut link, LinkEvent::TermStored(term(1, 6)));
    assert_eq!(link.stored(), Some(term(1, 6)));
    assert_eq!(*link.phase(), Phase::Disconnected);
}

#[test]
fn a_hint_is_followed_once_at_once_and_masters_in_turn() {
    let mut link = link(&["a:1", "b:1"]);
    let mut dialled = Vec::new();
    step(&mut link, LinkEvent::Begin);
    for hint in [Some("z:1"), Some("y:1"), None, None] {
        let steps = step(&mut link, LinkEvent::RedialDue);
        let [LinkStep::Dial(dial, address)] = &steps[..] else { panic!("{steps:?}") };
        dialled.push(address.clone());
        let dial = *dial;
        step(&mut link, LinkEvent::Dialled(dial));
        let mut most = || u64::MAX - 1;
        let mut at = Moment::new(Instant::ZERO, Timestamp(0), &mut most);
        let steps = link.step(LinkEvent::NotLeader(dial, hint.map(str::to_owned)), &mut at);
        let Some(LinkStep::DialAfter(wait)) = steps.last() else { panic!("{steps:?}") };
        // Only the first hint of a search is free.
        assert_eq!(*wait == Duration::ZERO, hint == Some("z:1"), "{dialled:?}");
    }
    assert_eq!(dialled, ["a:1", "z:1", "y:1", "b:1"]);
}

#[test]
fn a_named_leader_is_followed_from_every_phase() {
    for phase in ["disconnected", "dialling", "arrived", "syncing", "registering", "registered"] {
        let mut same = in_phase(phase);
        same.led_by("a:1".into());
        let steps = step(&mut same, LinkEvent::LeaderNamed);
        // Connected there already: nothing to do.
        assert_eq!(steps.is_empty(), phase != "disconnected", "{phase}: {steps:?}");

        let mut link = in_phase(phase);
        link.led_by("c:1".into());
        let steps = step(&mut link, LinkEvent::LeaderNamed);
        assert_eq!(*link.phase(), Phase::Disconnected, "{phase}");
        let told = steps.contains(&LinkStep::Unregistered);
        assert_eq!(told, phase == "registered", "{phase}: {steps:?}");
        let left = steps.iter().any(|step| matches!(step, LinkStep::Drop(D, _)));
        assert_eq!(left, phase != "disconnected", "{phase}: {steps:?}");
        assert!(matches!(steps.last(), Some(LinkStep::DialAfter(_))), "{phase}: {steps:?}");
        for _ in 0..2 {
            let steps = step(&mut link, LinkEvent::RedialDue);
            let [LinkStep::Dial(dial, address)] = &steps[..] else { panic!("{steps:?}") };
            assert_eq!(address, "c:1", "{phase}");
            step(&mut link, LinkEvent::DialFailed(*dial));
        }
    }
}

#[test]
fn while_a_leader_is_elected_no_wait_is_long() {
    let mut link = link(&["a:1", "b:1"]);
    step(&mut link, LinkEvent::Begin);
    let mut waits = Vec::new();
    for attempt in 0..12 {
        let steps = step(&mut link, LinkEvent::RedialDue);
        let [LinkStep::Dial(dial, _)] = steps[..] else { panic!("{steps:?}") };
        // Nobody answers at first, then one of the two.
        let answered = attempt >= 8 && attempt % 2 == 0;
        let event = if answered {
            step(&mut link, LinkEvent::Dialled(dial));
            LinkEvent::NotLeader(dial, None)
        } else {
            LinkEvent::DialFailed(dial)
        };
        let mut most = || u64::MAX - 1;
        let mut at = Moment::new(Instant::ZERO, Timestamp(0), &mut most);
        let steps = link.step(event, &mut at);
        let Some(LinkStep::DialAfter(wait)) = steps.last() else { panic!("{steps:?}") };
        waits.push(*wait);
    }
    assert!(waits[7] > Duration::from_secs(30), "{waits:?}");
    assert!(waits[8..].iter().all(|wait| *wait <= Duration::from_secs(3)), "{waits:?}");
}

#[test]
fn agt_01_a_request_is_repeated_until_answered() {
    let mut link = in_phase("registering");
    let mut waits = Vec::new();
    for _ in 0..8 {
        let mut most = || u64::MAX - 1;
        let mut at = Moment::new(Instant::ZERO, Timestamp(0), &mut most);
        match &link.step(LinkEvent::RegisterDue, &mut at)[..] {
            [LinkStep::Register(_, _, again)] => waits.push(*again),
            other => panic!("{other:?}"),
        }
    }
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(60)), "{waits:?}");
}

/// Stored is 5; the connection is lost while 6 is being written, and the next master announces
/// this.
fn announced_while_six_is_written(counter: u64) -> (MasterLink, DialId, Vec<LinkStep>) {
    let mut link = in_phase("syncing");
    step(&mut link, LinkEvent::Lost(D));
    let steps = step(&mut link, LinkEvent::RedialDue);
    let [LinkStep::Dial(dial, _)] = steps[..] else { panic!("{steps:?}") };
    step(&mut link, LinkEvent::Dialled(dial));
    let steps = step(&mut link, LinkEvent::TermAnnounced(dial, term(1, counter)));
    (link, dial, steps)
}

#[test]
fn a_term_below_the_one_being_written_is_refused_and_never_stored() {
    let (mut link, _, steps) = announced_while_six_is_written(5);
    assert!(matches!(steps[..], [LinkStep::TermRefused(_), LinkStep::Drop(..), _]), "{steps:?}");
    step(&mut link, LinkEvent::TermStored(term(1, 6)));
    assert_eq!(link.stored(), Some(term(1, 6)));
}

#[test]
fn the_term_being_written_is_waited_for_and_not_written_twice() {
    let (mut link, dial, steps) = announced_while_six_is_written(6);
    assert_eq!(steps, []);
    assert!(!link.obeys(dial, term(1, 6)));
    let steps = step(&mut link, LinkEvent::TermStored(term(1, 6)));
    assert!(matches!(steps[..], [LinkStep::Register(..)]), "{steps:?}");
}

#[test]
fn a_term_above_the_one_being_written_is_written_after_it() {
    let (mut link, _, steps) = announced_while_six_is_written(7);
    assert_eq!(steps, [LinkStep::StoreTerm(term(1, 7))]);
    assert_eq!(step(&mut link, LinkEvent::TermStored(term(1, 6))), []);
    let steps = step(&mut link, LinkEvent::TermStored(term(1, 7)));
    assert!(matches!(steps[..], [LinkStep::Register(..)]), "{steps:?}");
}
