//! Makes a list of faults smaller while a run with it still breaks in the same way: delta debugging
//! (Zeller and Hildebrandt, 2002), then shorter faults.

use super::plan::Plan;
use std::time::Duration;

/// Shorter is not worth a run: the network's own latency hides it.
const SHORT: Duration = Duration::from_millis(50);
/// How much later a fault is tried alone: numbers that no period of a program shares.
const LATER: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(130),
    Duration::from_millis(370),
    Duration::from_millis(1_100),
    Duration::from_millis(3_300),
];

/// The smallest plan found of which `breaks` holds, given one of which it does, and how often
/// `breaks` was called, which is at most `most` times.
///
/// With enough calls the result is minimal in this sense: without any one of its faults nothing
/// breaks. `breaks` must say the same of the same plan, as a simulation from one seed does.
///
/// ```
/// use libproc::sim::{shrink, Plan};
/// let plan: Plan = "1s crash a for 9s\n2s crash b for 9s\n3s pause c for 9s".parse()?;
/// let needs_two = |plan: &Plan| {
///     let text = plan.to_string();
///     text.contains("crash a") && text.contains("pause c")
/// };
/// let (minimal, _) = shrink(&plan, 100, needs_two);
/// assert_eq!(minimal.faults.len(), 2);
/// # Ok::<(), libproc::sim::FaultError>(())
/// ```
pub fn shrink(plan: &Plan, most: usize, mut breaks: impl FnMut(&Plan) -> bool) -> (Plan, usize) {
    let mut runs = 0;
    let mut still = |plan: &Plan| {
        if runs == most {
            return false;
        }
        runs += 1;
        breaks(plan)
    };
    let small = fewer(plan.clone(), &mut still);
    let mut small = fewest(small, &mut still);
    shorter(&mut small, &mut still);
    (small, runs)
}

/// Leaves out ever smaller parts of the list, as long as it still breaks.
fn fewer(mut plan: Plan, breaks: &mut impl FnMut(&Plan) -> bool) -> Plan {
    // What breaks without any fault needs none of them, and is told apart at once.
    if !plan.faults.is_empty() && breaks(&Plan::default()) {
        return Plan::default();
    }
    let mut parts = 2;
    while plan.faults.len() >= 2 {
        let size = plan.faults.len().div_ceil(parts);
        let starts = (0..plan.faults.len()).step_by(size);
        let without = |start: usize| {
            let mut faults = plan.faults.clone();
            faults.drain(start..(start + size).min(faults.len()));
            Plan { faults }
        };
        match starts.map(without).find(|smaller| breaks(smaller)) {
            Some(smaller) => {
                plan = smaller;
                parts = (parts - 1).max(2);
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(plan.faults.len()),
        }
    }
    plan
}

/// What cannot do without any one of its faults may still hold a smaller list that breaks: each is
/// tried alone, also a little later, since another fault may only have made its moment the right
/// one; and each two together.
fn fewest(plan: Plan, breaks: &mut impl FnMut(&Plan) -> bool) -> Plan {
    let count = plan.faults.len();
    let later = |at: usize, by: Duration| {
        let mut fault = plan.faults[at].clone();
        fault.at += by;
        Plan { faults: vec![fault] }
    };
    let alone = LATER.into_iter().flat_map(|by| (0..count).map(move |at| (at, by)));
    let alone = alone.map(|(at, by)| later(at, by));
    let pairs = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b)));
    let pairs = pairs.map(|(a, b)| [&plan.faults[a], &plan.faults[b]].map(Clone::clone).to_vec());
    let candidates: Vec<Plan> = match count {
        0 | 1 => Vec::new(),
        2 => alone.collect(),
        _ => alone.chain(pairs.map(|faults| Plan { faults })).collect(),
    };
    candidates.into_iter().find(|smaller| breaks(smaller)).unwrap_or(plan)
}

/// Halves how long each fault lasts, as long as it still breaks.
fn shorter(plan: &mut Plan, breaks: &mut impl FnMut(&Plan) -> bool) {
    for at in 0..plan.faults.len() {
        while plan.faults[at].lasts > SHORT {
            let mut briefer = plan.clone();
            let half = briefer.faults[at].lasts.as_millis() as u64 / 2;
            briefer.faults[at].lasts = Duration::from_millis(half);
            if !breaks(&briefer) {
                break;
            }
            *plan = briefer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::Hazards;
    use super::*;

    /// Whatever the culprits are among many, they are what is left.
    #[test]
    fn culprits_are_all_that_is_left() {
        let mut hazards = Hazards::among(&["a", "b", "c"]);
        hazards.count = 24;
        for seed in 0..30 {
            let plan = hazards.plan(seed);
            let culprits: Vec<_> = [seed as usize % 24, (seed as usize * 7 + 3) % 24]
                .map(|at| &plan.faults[at])
                .into();
            let at_and_what = |plan: &Plan, culprit: &&super::super::Fault| {
                plan.faults.iter().any(|f| f.at == culprit.at && f.strike == culprit.strike)
            };
            let (small, runs) =
                shrink(&plan, 500, |plan| culprits.iter().all(|c| at_and_what(plan, c)));
            let distinct = if culprits[0] == culprits[1] { 1 } else { 2 };
            assert_eq!(small.faults.len(), distinct, "seed {seed}: {small}");
            assert!(small.faults.iter().all(|f| f.lasts <= SHORT), "{small}");
            assert!(runs < 100, "seed {seed} took {runs} runs");
        }
    }

    #[test]
    fn a_list_that_needs_all_of_itself_is_not_the_last_word() {
        let plan: Plan = "1s crash a for 1s\n2s crash b for 1s\n3s crash c for 1s".parse().unwrap();
        let breaks = |plan: &Plan| {
            let names: Vec<String> = plan.faults.iter().map(|f| f.strike.to_string()).collect();
            names == ["crash b"] || names.len() == 3
        };
        let (small, _) = shrink(&plan, 100, breaks);
        assert_eq!(small.faults.len(), 1);
        assert_eq!(small.faults[0].strike.to_string(), "crash b");
    }

    #[test]
    fn a_fault_that_only_came_too_early_is_found_alone() {
        let plan: Plan = "1s drift a by 9ppm for 1s\n2s crash b for 1s".parse().unwrap();
        let (small, _) = shrink(&plan, 100, |plan| {
            let crash = plan.faults.iter().find(|f| f.strike.kind() == "crash");
            let late = |at: Duration| at >= Duration::from_millis(2_300);
            crash.is_some_and(|f| late(f.at) || plan.faults.len() == 2)
        });
        assert_eq!(small.to_string(), "2.37s crash b for 0.031s\n");
    }

    #[test]
    fn what_breaks_without_faults_needs_none_and_a_limit_is_kept() {
        let plan = Hazards::among(&["a", "b"]).plan(1);
        assert_eq!(shrink(&plan, 500, |_| true), (Plan::default(), 1));
        let mut runs = 0;
        let (small, counted) = shrink(&plan, 3, |plan| {
            runs += 1;
            plan.faults.len() > 5
        });
        assert_eq!((runs, counted), (3, 3));
        assert!(small.faults.len() > 5);
    }
}
