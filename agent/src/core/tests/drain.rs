use super::*;

fn drains(max_grace_period: Option<u64>, mark_gone: bool) -> Order {
    Order::DrainAgent { max_grace_period_ms: max_grace_period.map(|s| s * 1000), mark_gone }
}

fn with_grace(id: &str, seconds: i64) -> v1::TaskInfo {
    let grace_period = Some(v1::DurationInfo { nanoseconds: seconds * 1_000_000_000 });
    v1::TaskInfo { kill_policy: Some(v1::KillPolicy { grace_period }), ..task(id) }
}

/// Whom the executors are told to kill, and how many seconds it may take at most.
fn kills(bench: &Bench) -> Vec<(String, Option<i64>)> {
    let told = bench.effects.iter().filter_map(|effect| match effect {
        Effect::ToExecutor { event, .. } => event.kill.as_ref(),
        _ => None,
    });
    let grace = |policy: &v1::KillPolicy| policy.grace_period.map(|g| g.nanoseconds);
    told.map(|kill| {
        let seconds = kill.kill_policy.as_ref().and_then(grace).map(|n| n / 1_000_000_000);
        (kill.task_id.value.clone(), seconds)
    })
    .collect()
}

#[test]
fn dr_02_a_drain_kills_each_task_within_the_shorter_of_both_periods() {
    for (own, most, grace) in [
        (None, None, None),
        (None, Some(20), Some(20)),
        (Some(5), Some(20), Some(5)),
        (Some(60), Some(20), Some(20)),
        (Some(60), None, None),
    ] {
        let mut bench = Bench::registered();
        let info = own.map_or_else(|| task("t"), |seconds| with_grace("t", seconds));
        bench.runs(info);
        bench.order(drains(most, false));
        assert_eq!(kills(&bench), [("t".to_owned(), grace)], "{own:?} {most:?}");
        // Again, to make haste.
        bench.order(drains(Some(1), false));
        assert_eq!(kills(&bench), [("t".to_owned(), Some(1))]);
    }
}

#[test]
fn mnt_01_what_a_drain_kills_says_so() {
    for (mark_gone, aware, state) in [
        (false, true, TaskState::TaskKilled),
        (true, true, TaskState::TaskGoneByOperator),
        (true, false, TaskState::TaskKilled),
    ] {
        let mut bench = Bench::registered();
        bench.running("t");
        if let Some(framework) = bench.agent.frameworks.values_mut().next() {
            framework.info.capabilities = match aware {
                true => vec![v1::framework_info::Capability {
                    r#type: Some(v1::framework_info::capability::Type::PartitionAware.into()),
                }],
                false => vec![],
            };
        }
        bench.order(drains(None, mark_gone));
        bench.update("t", 1, TaskState::TaskKilling);
        let told = bench.told();
        assert_eq!((told[0].0, told[0].1), (TaskState::TaskKilling, Some(Reason::AgentDraining)));
        bench.ack("t", told[0].2.clone());
        bench.update("t", 2, TaskState::TaskKilled);
        let told = bench.told();
        assert_eq!((told[0].0, told[0].1), (state, Some(Reason::AgentDraining)));
    }
}

#[test]
fn a_task_that_ends_by_itself_meanwhile_ends_as_it_did() {
    let mut bench = Bench::registered();
    bench.running("t");
    bench.order(drains(None, true));
    bench.update("t", 1, TaskState::TaskFinished);
    let told = bench.told();
    assert_eq!((told[0].0, told[0].1), (TaskState::TaskFinished, None));
}

#[test]
fn mnt_01_nothing_is_launched_until_the_drain_is_over() {
    let mut bench = Bench::registered();
    bench.order(drains(None, false));
    assert!(bench.run(task("t")).is_none());
    let told = bench.told();
    assert_eq!((told[0].0, told[0].1), (TaskState::TaskDropped, Some(Reason::AgentDraining)));
    bench.order(Order::EndDrain);
    assert!(bench.run(task("u")).is_some());
}

#[test]
fn an_agent_that_comes_back_drains_only_if_it_is_told_again() {
    let mut bench = Bench::registered();
    bench.order(drains(None, false));
    bench.another_master();
    bench.reregistered(vec![]);
    assert!(bench.run(task("t")).is_some());
}
