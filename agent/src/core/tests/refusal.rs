use super::*;

/// The master refuses; the lines that the agent wrote about it.
fn refused(bench: &mut Bench, dial: DialId, why: &str) -> Vec<String> {
    let message = FromMaster::Refused { term: TERM, code: 400, message: why.into() };
    bench.on(Event::FromMaster { dial, message: Box::new(message) });
    let notes = bench.effects.iter().map(|effect| match effect {
        Effect::Note { text, .. } => text.clone(),
        other => panic!("{other:?}"),
    });
    notes.collect()
}

fn shown(bench: &Bench) -> serde_json::Value {
    let mut seen = libproc::Observation::default();
    bench.agent.observe(bench.now, &mut seen);
    seen.state["refused"].clone()
}

#[test]
fn a_refused_registration_is_said_to_the_agents_operator_once_in_a_while() {
    let mut bench = Bench::new();
    bench.on(Event::Recovered(Box::default()));
    bench.register();
    let dial = bench.dial;
    let said = refused(&mut bench, dial, "hostname too long");
    assert!(said.len() == 1 && said[0].ends_with("hostname too long"), "{said:?}");
    assert_eq!(shown(&bench), "hostname too long");
    for (after, why, lines) in
        [(1, "hostname too long", 0), (2, "x", 1), (601, "x", 0), (602, "x", 1)]
    {
        bench.now = Instant::ZERO + Duration::from_secs(after);
        assert_eq!(refused(&mut bench, dial, why).len(), lines, "{after} {why}");
    }
    assert_eq!(refused(&mut bench, DialId(9), "of another connection").len(), 0);
    // It asks on, and what is answered is forgotten.
    assert!(bench.on(Event::TimerDue(TimerKey::RegisterAgain)).iter().any(|effect| matches!(
        effect, Effect::ToMaster { message, .. }
            if matches!(**message, FromAgent::RegisterAgent { .. }))));
    let agent_id = AgentId::parse("S0").unwrap();
    bench.order(Order::Registered { agent_id, ping_timeout_ms: 75_000 });
    assert_eq!(shown(&bench), serde_json::Value::Null);
}
